"""A new database. The operations are as makemigrations writes them (CONTRIBUTING, "Migrations"); the rest is SQL."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

# Models whose tables the SQL makes: Django cannot declare a partitioned table.
PARTITIONED = {'vendormessage'}


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
            name='VendorAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(verbose_name='vendor')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('public_values', models.JSONField(blank=True, default=dict, verbose_name='settings')),
                ('secrets_sealed', models.TextField(blank=True, editable=False, verbose_name='secrets sealed')),
                ('base_url', models.URLField(blank=True, help_text="Empty: the vendor's own.", verbose_name='API address')),
                ('auth_url', models.URLField(blank=True, help_text="Empty: the vendor's own.", verbose_name='token address')),
                ('ca_pem', models.TextField(blank=True, help_text='PEM; trusted beside the well-known ones.', verbose_name='extra CA')),
                ('rate', models.PositiveIntegerField(default=0, help_text="0: the vendor's published figure.", verbose_name='targets a second')),
                ('report_key', models.CharField(editable=False, max_length=32, unique=True, verbose_name='delivery report key')),
                ('stopped_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='stopped at')),
                ('stopped_reason', models.CharField(blank=True, editable=False, max_length=300, verbose_name='stopped reason')),
                ('stopped_after', models.PositiveIntegerField(default=0, editable=False, verbose_name='stopped after')),
                ('certificate_subject', models.CharField(blank=True, editable=False, max_length=200, verbose_name='certificate subject')),
                ('certificate_expires_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='certificate expires at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('proven_for', models.CharField(blank=True, editable=False, help_text='The configuration that a token was last accepted with.', max_length=64, verbose_name='proven for')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vendor_accounts', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'vendor account',
                'verbose_name_plural': 'vendor accounts',
            },
        ),
        migrations.CreateModel(
            name='RefusedToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('configuration', models.CharField(max_length=64)),
                ('device_id', models.BigIntegerField()),
                ('token', models.TextField()),
                ('since', models.DateTimeField()),
                ('is_dead', models.BooleanField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refused_tokens', to='channels_vendor.vendoraccount')),
            ],
            options={
                'verbose_name': 'refused token',
            },
        ),
        migrations.CreateModel(
            name='VendorMessage',
            fields=[
                ('message_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('workspace_id', models.BigIntegerField()),
                ('channel', models.SmallIntegerField()),
                ('task_id', models.BigIntegerField()),
                ('device_id', models.BigIntegerField()),
                ('due_at', models.DateTimeField(null=True)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('in_doubt', models.BooleanField(db_default=False)),
                ('is_bulk', models.BooleanField(db_default=False)),
                ('vendor_id', models.CharField(blank=True, max_length=200, verbose_name="vendor's message ID")),
                ('vendor_code', models.CharField(blank=True, max_length=200, verbose_name="vendor's word")),
                ('accepted_at', models.DateTimeField(null=True)),
                ('token_hash', models.BigIntegerField(default=0)),
                ('report_code', models.CharField(blank=True, max_length=200, verbose_name="vendor's delivery report")),
                ('report_status', models.IntegerField(null=True)),
                ('report_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'message at a vendor',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['workspace_id', 'channel', 'is_bulk', 'due_at'], name='channels_vendor_due'), models.Index(fields=['token_hash', 'task_id'], name='channels_vendor_token_task')],
            },
        ),
        migrations.AddConstraint(
            model_name='vendoraccount',
            constraint=models.UniqueConstraint(fields=('workspace', 'channel'), name='channels_vendor_one_account'),
        ),
        migrations.AddConstraint(
            model_name='refusedtoken',
            constraint=models.UniqueConstraint(fields=('account', 'device_id'), name='channels_vendor_refused_once'),
        ),
    ]

    operations = [
        *map(in_state, operations),
        sql('0001_partitioned_tables.sql'),
    ]
