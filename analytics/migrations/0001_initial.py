"""A new database. The operations are as makemigrations writes them (CONTRIBUTING, "Migrations"); the rest is SQL."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Models whose tables the SQL makes: Django cannot declare a partitioned table.
PARTITIONED = {'messageevent'}


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
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metrics', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ('minutes', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ('tasks', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ('devices', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('statuses', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
            ],
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('usage', 'usage analysis'), ('list', 'list')], default='usage', max_length=5)),
                ('author', models.CharField(max_length=150)),
                ('file_format', models.CharField(choices=[('xlsx', 'Excel'), ('csv', 'CSV')], max_length=4)),
                ('parameters', models.JSONField(help_text='What the file shows, as the writer of its kind reads it.')),
                ('rows', models.IntegerField(help_text='How many will be written; 0 while that is unknown.')),
                ('done', models.IntegerField(default=0)),
                ('fault', models.CharField(blank=True, max_length=300)),
                ('size', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(db_index=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('workspace', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='MinuteRollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_id', models.BigIntegerField()),
                ('start', models.DateTimeField()),
                ('platform', models.SmallIntegerField(choices=[(1, 'Android'), (2, 'iOS'), (7, 'HarmonyOS'), (8, 'Web'), (9, 'Other')])),
                ('app_version', models.CharField(blank=True, max_length=64)),
                ('channel', models.SmallIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('pushed', models.IntegerField(default=0)),
                ('accepted', models.IntegerField(default=0)),
                ('arrived', models.IntegerField(default=0)),
                ('opened', models.IntegerField(default=0)),
                ('ignored', models.IntegerField(default=0)),
            ],
            options={
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'start', 'platform', 'app_version', 'channel', 'kind'), name='analytics_minuterollup_key')],
            },
        ),
        migrations.CreateModel(
            name='QuarterRollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_id', models.BigIntegerField()),
                ('start', models.DateTimeField()),
                ('platform', models.SmallIntegerField(choices=[(1, 'Android'), (2, 'iOS'), (7, 'HarmonyOS'), (8, 'Web'), (9, 'Other')])),
                ('app_version', models.CharField(blank=True, max_length=64)),
                ('channel', models.SmallIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('pushed', models.IntegerField(default=0)),
                ('accepted', models.IntegerField(default=0)),
                ('arrived', models.IntegerField(default=0)),
                ('opened', models.IntegerField(default=0)),
                ('ignored', models.IntegerField(default=0)),
            ],
            options={
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'start', 'platform', 'app_version', 'channel', 'kind'), name='analytics_quarterrollup_key')],
            },
        ),
        migrations.CreateModel(
            name='StatusRollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_id', models.BigIntegerField()),
                ('start', models.DateTimeField()),
                ('channel', models.SmallIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('status', models.IntegerField()),
                ('messages', models.IntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'start', 'channel', 'kind', 'status'), name='analytics_statusrollup_key')],
            },
        ),
        migrations.CreateModel(
            name='ExportChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('data', models.BinaryField()),
                ('export', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='analytics.export')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('export', 'number'), name='analytics_chunk_unique')],
            },
        ),
        migrations.CreateModel(
            name='MessageEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.BigIntegerField(verbose_name='message ID')),
                ('task_id', models.BigIntegerField(null=True, verbose_name='task id')),
                ('channel', models.SmallIntegerField(verbose_name='channel')),
                ('kind', models.CharField(choices=[('arrived', 'arrived'), ('opened', 'opened'), ('ignored', 'ignored')], max_length=8, verbose_name='kind')),
                ('at', models.DateTimeField(help_text="When it happened: the device's time, where that can be.", verbose_name='at')),
                ('received_at', models.DateTimeField(db_index=True, verbose_name='received at')),
                ('device', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.device', verbose_name='device')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'message event',
                'verbose_name_plural': 'message events',
                'indexes': [models.Index(fields=['device'], name='analytics_event_device'), models.Index(fields=['workspace', '-id'], name='analytics_event_recent')],
                'constraints': [models.UniqueConstraint(fields=('message_id', 'device', 'kind'), name='analytics_event_once')],
            },
        ),
    ]

    operations = [
        *map(in_state, operations),
        sql('0001_partitioned_tables.sql'),
        sql('0001_storage.sql'),
        sql('0001_message_counts.sql'),
    ]
