"""A new database. The operations are as makemigrations writes them (CONTRIBUTING, "Migrations"); the rest is SQL."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

# Models whose tables the SQL makes: Django cannot declare a partitioned table.
PARTITIONED = {'smsmessage'}


def in_state(operation):
    """Have an operation on a partitioned table change the state of the models only."""
    model = (getattr(operation, 'model_name', None) or operation.name).lower()
    return migrations.SeparateDatabaseAndState(state_operations=[operation]) if model in PARTITIONED else operation


def sql(name):
    return migrations.RunSQL(Path(__file__).with_name(name).read_text())


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('pushcore', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='SmsAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=16, verbose_name='provider')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('public_values', models.JSONField(blank=True, default=dict, verbose_name='settings')),
                ('secrets_sealed', models.TextField(blank=True, editable=False, verbose_name='secrets sealed')),
                ('base_url', models.URLField(blank=True, help_text="Empty: the provider's own.", max_length=500, verbose_name='API address')),
                ('ca_pem', models.TextField(blank=True, help_text='PEM; trusted beside the well-known ones.', verbose_name='extra CA')),
                ('rate', models.PositiveIntegerField(default=0, help_text='0: what the provider allows.', verbose_name='SMS a second')),
                ('report_key', models.CharField(editable=False, max_length=32, unique=True, verbose_name='delivery report key')),
                ('stopped_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='stopped at')),
                ('stopped_reason', models.CharField(blank=True, editable=False, max_length=100, verbose_name='stopped reason')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sms_account', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'SMS account',
                'verbose_name_plural': 'SMS accounts',
            },
        ),
        migrations.CreateModel(
            name='SmsMessage',
            fields=[
                ('message_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('workspace_id', models.BigIntegerField()),
                ('task_id', models.BigIntegerField()),
                ('due_at', models.DateTimeField(null=True)),
                ('state', models.SmallIntegerField(choices=[(0, 'waiting'), (1, 'being sent'), (2, 'sent'), (3, 'delivered'), (4, 'failed'), (5, 'maybe sent'), (6, 'not needed'), (7, 'withdrawn'), (8, 'no phone number')], default=0)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('provider_id', models.CharField(blank=True, max_length=64)),
                ('code', models.CharField(blank=True, max_length=100)),
                ('segments', models.SmallIntegerField(null=True)),
                ('price', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('sent_at', models.DateTimeField(null=True)),
                ('reported_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'SMS',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['workspace_id', 'due_at'], name='sms_due')],
            },
        ),
    ]

    operations = [
        *map(in_state, operations),
        sql('0001_partitioned_tables.sql'),
    ]
