"""A new database. The operations are as makemigrations writes them (CONTRIBUTING, "Migrations"); the rest is SQL."""

from pathlib import Path

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

# Models whose tables the SQL makes: Django cannot declare a partitioned table.
PARTITIONED = {'message', 'messagekey', 'pushtask', 'receipt', 'receiptattempt', 'webhookattempt', 'webhookdelivery'}


def in_state(operation):
    """Have an operation on a partitioned table change the state of the models only."""
    model = (getattr(operation, 'model_name', None) or operation.name).lower()
    return migrations.SeparateDatabaseAndState(state_operations=[operation]) if model in PARTITIONED else operation


def sql(name):
    return migrations.RunSQL(Path(__file__).with_name(name).read_text())


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='App',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('app_id', models.CharField(max_length=64, unique=True, verbose_name='app ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('enabled', models.BooleanField(default=True, help_text="A disabled app's API calls and devices are refused.", verbose_name='enabled')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'app',
                'verbose_name_plural': 'apps',
                'ordering': ['app_id'],
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ad_token', models.CharField(max_length=64, unique=True, verbose_name='Ad-token')),
                ('secret_hash', models.CharField(editable=False, max_length=64, verbose_name='secret hash')),
                ('platform', models.SmallIntegerField(choices=[(1, 'Android'), (2, 'iOS'), (7, 'HarmonyOS'), (8, 'Web'), (9, 'Other')], default=1, verbose_name='platform')),
                ('manufacturer', models.CharField(blank=True, max_length=64, verbose_name='manufacturer')),
                ('model', models.CharField(blank=True, max_length=128, verbose_name='model')),
                ('os_version', models.CharField(blank=True, max_length=64, verbose_name='OS version')),
                ('app_version', models.CharField(blank=True, max_length=64, verbose_name='app version')),
                ('time_zone', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='time zone')),
                ('language', models.CharField(blank=True, db_default='', default='', max_length=35, verbose_name='language')),
                ('country', models.CharField(blank=True, db_default='', default='', max_length=2, verbose_name='country')),
                ('capabilities', models.CharField(blank=True, db_default='', default='', help_text="What the app's SDK can do.", max_length=64, verbose_name='capabilities')),
                ('marketing_consent', models.BooleanField(blank=True, help_text='Null: not known, which counts as allowed.', null=True, verbose_name='marketing messages')),
                ('third_channel', models.SmallIntegerField(blank=True, null=True, verbose_name='third-party channel')),
                ('third_token', models.CharField(blank=True, max_length=1024, verbose_name='third-party token')),
                ('third_reported_at', models.DateTimeField(blank=True, editable=False, help_text='When that token was last reported.', null=True, verbose_name='third reported at')),
                ('activity_id', models.CharField(blank=True, editable=False, help_text='Null for a real device.', max_length=128, null=True, verbose_name='Live Activity')),
                ('installation_id', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='installation ID')),
                ('registration_hash', models.CharField(db_default='', default='', editable=False, max_length=64, verbose_name='registration hash')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('last_seen_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last seen at')),
                ('pending_cursor', models.BigIntegerField(db_column='settled_id', db_default=0, editable=False, verbose_name='pending cursor')),
            ],
            options={
                'verbose_name': 'device',
                'verbose_name_plural': 'devices',
            },
        ),
        migrations.CreateModel(
            name='MessageKey',
            fields=[
                ('digest', models.UUIDField(primary_key=True, serialize=False, verbose_name='digest')),
                ('day', models.DateField(verbose_name='day')),
                ('task_id', models.BigIntegerField(verbose_name='task id')),
                ('claimed_at', models.DateTimeField(verbose_name='claimed at')),
            ],
            options={
                'verbose_name': 'message key',
                'verbose_name_plural': 'message keys',
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.BigIntegerField(unique=True, verbose_name='message ID')),
                ('target', models.CharField(max_length=512, verbose_name='target ID')),
                ('body', models.TextField(help_text='The JSON that is signed and posted, byte for byte.', verbose_name='body')),
                ('state', models.CharField(choices=[('due', 'waiting to be sent'), ('delivered', 'delivered'), ('failed', 'given up')], default='due', max_length=10, verbose_name='state')),
                ('attempt_count', models.PositiveSmallIntegerField(default=0, verbose_name='attempt count')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('next_attempt_at', models.DateTimeField(verbose_name='next attempt at')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
            ],
            options={
                'verbose_name': 'receipt',
                'verbose_name_plural': 'receipts',
            },
        ),
        migrations.CreateModel(
            name='Watermark',
            fields=[
                ('name', models.CharField(max_length=50, primary_key=True, serialize=False, verbose_name='name')),
                ('position', models.BigIntegerField(default=0, verbose_name='position')),
                ('leased_until', models.DateTimeField(blank=True, null=True, verbose_name='leased until')),
            ],
            options={
                'verbose_name': 'watermark',
                'verbose_name_plural': 'watermarks',
            },
        ),
        migrations.CreateModel(
            name='BroadcastCursor',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='cursor', serialize=False, to='pushcore.device')),
                ('position', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='ReceiptAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('http_status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='HTTP status')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='error')),
                ('duration_ms', models.PositiveIntegerField(verbose_name='duration (ms)')),
                ('receipt', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='pushcore.receipt')),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='TokenLoss',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(verbose_name='third-party channel')),
                ('at', models.DateTimeField(db_index=True)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='token_losses', to='pushcore.device')),
                ('taken_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pushcore.device')),
            ],
            options={
                'verbose_name': 'lost token',
            },
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_id', models.CharField(max_length=64, verbose_name='workspace ID')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('client_key', models.CharField(help_text='What a new device registers with. Shipped in the app, so no secret.', max_length=128, verbose_name='client key')),
                ('former_client_key', models.CharField(blank=True, editable=False, help_text='Good beside the present one, for apps that were built with it, until it is ended.', max_length=128, verbose_name='former client key')),
                ('former_client_key_used_at', models.DateTimeField(editable=False, help_text='To the hour.', null=True, verbose_name='former client key used at')),
                ('client_bind', models.CharField(choices=[('server', 'only the backend (PushBind)'), ('signed', 'the client, with a bind token signed by the backend'), ('open', 'the client, unproven')], default='signed', help_text='Who may bind a user.', max_length=8, verbose_name='client bind')),
                ('push_api_enabled', models.BooleanField(default=True, help_text='Off: the REST API answers code 3032.', verbose_name='push API')),
                ('replay_protection', models.BooleanField(default=True, help_text='Require timestamp and nonce in every request of the REST API, so that each works once. Off: the plain form, in which whoever has seen a request can send it again at any time.', verbose_name='replay protection')),
                ('callback_enabled', models.BooleanField(default=False, verbose_name='callback')),
                ('callback_url', models.URLField(blank=True, max_length=1000, verbose_name='callback URL')),
                ('expiry_receipts', models.BooleanField(default=False, help_text='Also post a receipt for a message that expired before it was delivered (status -3, Expired).', verbose_name='receipts of expiry')),
                ('webhook_events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), db_default=[], default=list, editable=False, size=None, verbose_name='webhook events')),
                ('has_aliases', models.BooleanField(db_default=False, default=False, editable=False, verbose_name='has aliases')),
                ('time_zone', models.CharField(default='UTC', help_text='For days in reports and for schedules.', max_length=64, verbose_name='time zone')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='workspaces', to='pushcore.app', verbose_name='app')),
            ],
            options={
                'verbose_name': 'workspace',
                'verbose_name_plural': 'workspaces',
                'ordering': ['app', 'workspace_id'],
            },
        ),
        migrations.CreateModel(
            name='Template',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='version')),
                ('description', models.CharField(max_length=200, verbose_name='description')),
                ('silent', models.BooleanField(default=False, verbose_name='silent push')),
                ('style', models.SmallIntegerField(choices=[(0, 'default (short text)'), (1, 'big text'), (2, 'rich text')], default=0, verbose_name='display style')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('body', models.CharField(max_length=200, verbose_name='body')),
                ('action', models.SmallIntegerField(choices=[(0, 'open web URL'), (1, 'open intent activity')], default=0, verbose_name='action upon click')),
                ('uri', models.CharField(blank=True, max_length=2048, verbose_name='URL')),
                ('icon', models.JSONField(blank=True, default=dict, verbose_name='icon URLs by channel')),
                ('image', models.JSONField(blank=True, default=dict, verbose_name='large image URLs by channel')),
                ('variables', models.JSONField(default=None, editable=False, null=True, verbose_name='variables')),
                ('message_category', models.CharField(blank=True, default='', max_length=64, verbose_name='message category')),
                ('saved_at', models.DateTimeField(editable=False, verbose_name='saved at')),
                ('saved_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='saved by')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='templates', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'template',
                'verbose_name_plural': 'templates',
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='FormerVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='version')),
                ('description', models.CharField(max_length=200, verbose_name='description')),
                ('silent', models.BooleanField(default=False, verbose_name='silent push')),
                ('style', models.SmallIntegerField(choices=[(0, 'default (short text)'), (1, 'big text'), (2, 'rich text')], default=0, verbose_name='display style')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('body', models.CharField(max_length=200, verbose_name='body')),
                ('action', models.SmallIntegerField(choices=[(0, 'open web URL'), (1, 'open intent activity')], default=0, verbose_name='action upon click')),
                ('uri', models.CharField(blank=True, max_length=2048, verbose_name='URL')),
                ('icon', models.JSONField(blank=True, default=dict, verbose_name='icon URLs by channel')),
                ('image', models.JSONField(blank=True, default=dict, verbose_name='large image URLs by channel')),
                ('variables', models.JSONField(default=None, editable=False, null=True, verbose_name='variables')),
                ('message_category', models.CharField(blank=True, default='', max_length=64, verbose_name='message category')),
                ('saved_at', models.DateTimeField(editable=False, verbose_name='saved at')),
                ('saved_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='saved by')),
                ('template', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='former_versions', to='pushcore.template')),
            ],
            options={
                'verbose_name': 'former version',
                'verbose_name_plural': 'former versions',
                'constraints': [models.UniqueConstraint(fields=('template', 'version'), name='pushcore_former_version_unique')],
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='schedule ID')),
                ('kind', models.CharField(choices=[('simple', 'simple push'), ('template', 'template push'), ('multiple', 'multiple push'), ('broadcast', 'broadcast push'), ('audience', 'audience push'), ('revoke', 'revocation')], max_length=10, verbose_name='kind')),
                ('strategy', models.SmallIntegerField(choices=[(1, 'timed'), (2, 'cyclic')], verbose_name='strategy')),
                ('delivery_type', models.SmallIntegerField(choices=[(1, 'Android device'), (2, 'iOS device'), (3, 'user'), (5, 'Live Activity by push token'), (6, 'Live Activity by ID'), (7, 'HarmonyOS device'), (8, 'Web device'), (9, 'other device'), (10, 'devices by a condition')], verbose_name='delivery type')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('title', models.CharField(max_length=500, verbose_name='title')),
                ('body', models.CharField(max_length=500, verbose_name='body')),
                ('template_name', models.CharField(blank=True, max_length=200, verbose_name='template name')),
                ('request', models.JSONField(help_text='The push request, as it came.', verbose_name='request')),
                ('file_id', models.BigIntegerField(editable=False, help_text='The file of a multiple push, of which each occurrence pushes a copy.', null=True, verbose_name='file ID')),
                ('fingerprint', models.BinaryField(max_length=32, verbose_name='fingerprint')),
                ('source', models.CharField(choices=[('rpc', 'API (RPC)'), ('rest', 'API (REST)'), ('console', 'console')], max_length=8, verbose_name='source')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='author')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'schedule',
                'verbose_name_plural': 'schedules',
            },
        ),
        migrations.CreateModel(
            name='RsaKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('api', 'the backend signs REST calls with it; we hold the public half'), ('callback', 'we sign receipts with it; the backend verifies with the public half')], max_length=8, verbose_name='purpose')),
                ('public_pem', models.TextField(verbose_name='public key')),
                ('private_sealed', models.TextField(blank=True, editable=False, verbose_name='private sealed')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rsa_keys', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'RSA key',
                'verbose_name_plural': 'RSA keys',
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddField(
            model_name='receipt',
            name='workspace',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='receipts', to='pushcore.workspace', verbose_name='workspace'),
        ),
        migrations.CreateModel(
            name='PushTask',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='task ID')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('kind', models.CharField(choices=[('simple', 'simple push'), ('template', 'template push'), ('multiple', 'multiple push'), ('broadcast', 'broadcast push'), ('audience', 'audience push'), ('revoke', 'revocation')], max_length=10, verbose_name='kind')),
                ('delivery_type', models.SmallIntegerField(choices=[(1, 'Android device'), (2, 'iOS device'), (3, 'user'), (5, 'Live Activity by push token'), (6, 'Live Activity by ID'), (7, 'HarmonyOS device'), (8, 'Web device'), (9, 'other device'), (10, 'devices by a condition')], verbose_name='delivery type')),
                ('source', models.CharField(choices=[('rpc', 'API (RPC)'), ('rest', 'API (REST)'), ('console', 'console')], max_length=8, verbose_name='source')),
                ('author', models.CharField(blank=True, help_text='AccessKey ID or operator.', max_length=150, verbose_name='author')),
                ('content', models.JSONField(help_text='What the device gets as bData, less what differs by message.', verbose_name='content')),
                ('options', models.JSONField(blank=True, default=dict, help_text='What vendor channels need beyond the content.', verbose_name='options')),
                ('fingerprint', models.BinaryField(max_length=32, verbose_name='fingerprint')),
                ('expire_at', models.DateTimeField(verbose_name='expire at')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('message_count', models.PositiveIntegerField(default=0, verbose_name='message count')),
                ('last_message_id', models.BigIntegerField(editable=False, verbose_name='last message ID')),
                ('success_count', models.PositiveIntegerField(default=0, verbose_name='success count')),
                ('arrival_count', models.PositiveIntegerField(default=0, verbose_name='arrival count')),
                ('expired_count', models.PositiveIntegerField(default=0, verbose_name='expired count')),
                ('held_back_count', models.PositiveIntegerField(db_default=0, default=0, verbose_name='held back count')),
                ('no_consent_count', models.PositiveIntegerField(db_default=0, default=0, verbose_name='no consent count')),
                ('inbox', models.BooleanField(db_default=False, default=False, help_text='Its messages are in the inboxes of their targets.', verbose_name='inbox')),
                ('sms', models.JSONField(blank=True, editable=False, null=True, verbose_name='SMS')),
                ('final_count', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='final count')),
                ('finished_at', models.DateTimeField(editable=False, null=True, verbose_name='finished at')),
                ('last_outcome_at', models.DateTimeField(blank=True, null=True, verbose_name='last outcome at')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                ('message_category', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='message category')),
                ('device_rules', models.SmallIntegerField(db_default=0, default=0, editable=False, verbose_name='device rules')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'push task',
                'verbose_name_plural': 'push tasks',
            },
        ),
        migrations.CreateModel(
            name='Occurrence',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='occurrence ID')),
                ('at', models.DateTimeField(verbose_name='time of sending')),
                ('status', models.SmallIntegerField(choices=[(0, 'pending'), (1, 'sent'), (2, 'cancelled'), (3, 'missed'), (4, 'failed')], default=0)),
                ('task_id', models.BigIntegerField(null=True, verbose_name='task ID')),
                ('fault', models.CharField(blank=True, max_length=300)),
                ('schedule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='pushcore.schedule')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='message ID')),
                ('delivery_type', models.SmallIntegerField(choices=[(1, 'Android device'), (2, 'iOS device'), (3, 'user'), (5, 'Live Activity by push token'), (6, 'Live Activity by ID'), (7, 'HarmonyOS device'), (8, 'Web device'), (9, 'other device'), (10, 'devices by a condition')], verbose_name='push type')),
                ('target', models.CharField(max_length=512, verbose_name='target ID')),
                ('msgkey', models.CharField(max_length=64, verbose_name='customer message ID')),
                ('status', models.IntegerField(default=0, verbose_name='status')),
                ('channel', models.SmallIntegerField(verbose_name='channel')),
                ('kind', models.SmallIntegerField(choices=[(1, 'simple push'), (2, 'template push'), (3, 'multiple push'), (4, 'broadcast push'), (5, 'revocation'), (6, 'audience push')], db_default=1, default=1, verbose_name='kind')),
                ('device_rules', models.SmallIntegerField(db_default=0, default=0, editable=False, verbose_name='device rules')),
                ('override', models.JSONField(blank=True, help_text="What of the content is this message's own.", null=True, verbose_name='override')),
                ('expire_at', models.DateTimeField(verbose_name='expiry time')),
                ('sent_at', models.DateTimeField(blank=True, help_text='Written to a connection that ended unacknowledged.', null=True, verbose_name='sent at')),
                ('arrived_at', models.DateTimeField(blank=True, help_text='When it was known to be on the device.', null=True, verbose_name='arrived at')),
                ('updated_at', models.DateTimeField(verbose_name='modification time')),
                ('device', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to='pushcore.device', verbose_name='device')),
                ('task', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='messages', to='pushcore.pushtask', verbose_name='task')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='FileImport',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='task ID')),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.BigIntegerField(default=0)),
                ('variables', models.JSONField(default=None, null=True)),
                ('scheduled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_index=True)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('position', models.BigIntegerField(default=0)),
                ('messages_per_second', models.IntegerField(null=True, verbose_name='messages a second')),
                ('over_seconds', models.IntegerField(null=True, verbose_name='spread over (seconds)')),
                ('pace_url', models.CharField(blank=True, default='', max_length=1000, verbose_name='pace URL')),
                ('granted', models.BigIntegerField(default=0)),
                ('held_since', models.DateTimeField(null=True, verbose_name='held since')),
                ('not_before', models.DateTimeField(null=True)),
                ('lines', models.BigIntegerField(default=0)),
                ('line', models.BigIntegerField(default=0)),
                ('accepted', models.BigIntegerField(default=0, verbose_name='records accepted')),
                ('rejected', models.BigIntegerField(default=0, verbose_name='records rejected')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'verbose_name': 'file of a multiple push',
            },
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('description', models.CharField(blank=True, default='', max_length=200, verbose_name='description')),
                ('condition', models.JSONField(help_text='Its JSON form.', verbose_name='condition')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('saved_at', models.DateTimeField(editable=False, verbose_name='modification time')),
                ('saved_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='changed by')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='segments', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'segment',
                'verbose_name_plural': 'segments',
                'constraints': [models.UniqueConstraint(fields=('workspace', 'name'), name='pushcore_segment_unique', violation_error_message='The workspace has a segment of this name already.')],
            },
        ),
        migrations.CreateModel(
            name='OpenHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(blank=True, max_length=256)),
                ('hours', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=24)),
                ('as_of', models.DateTimeField(db_index=True)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'user_id'), name='pushcore_openhours_unique')],
            },
        ),
        migrations.CreateModel(
            name='AudienceWalk',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='task ID')),
                ('created_at', models.DateTimeField(db_index=True)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('position', models.BigIntegerField(default=0)),
                ('messages_per_second', models.IntegerField(null=True, verbose_name='messages a second')),
                ('over_seconds', models.IntegerField(null=True, verbose_name='spread over (seconds)')),
                ('pace_url', models.CharField(blank=True, default='', max_length=1000, verbose_name='pace URL')),
                ('granted', models.BigIntegerField(default=0)),
                ('held_since', models.DateTimeField(null=True, verbose_name='held since')),
                ('not_before', models.DateTimeField(null=True)),
                ('condition', models.JSONField(verbose_name='condition')),
                ('segment_name', models.CharField(blank=True, default='', max_length=64, verbose_name='segment')),
                ('names', models.JSONField(default=dict)),
                ('msgkey', models.CharField(max_length=64, verbose_name='customer message ID')),
                ('last_device_id', models.BigIntegerField()),
                ('found', models.BigIntegerField(default=0, verbose_name='devices found')),
                ('local_time', models.TimeField(null=True, verbose_name='local time')),
                ('local_date', models.DateField(null=True, verbose_name='local date')),
                ('best_time_hours', models.SmallIntegerField(null=True, verbose_name='best time within (hours)')),
                ('has_waves', models.BooleanField(default=False)),
                ('phase', models.SmallIntegerField(choices=[(0, 'all devices'), (1, 'test group'), (2, 'decision'), (3, 'rest')], default=0)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'verbose_name': 'devices of an audience push',
            },
        ),
        migrations.CreateModel(
            name='AudienceWave',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('devices', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('position', models.IntegerField(default=0)),
                ('walk', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='waves', to='pushcore.audiencewalk')),
            ],
            options={
                'indexes': [models.Index(fields=['walk', 'at', 'id'], name='pushcore_audience_wave_next')],
            },
        ),
        migrations.CreateModel(
            name='AbTest',
            fields=[
                ('walk', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='ab_test', serialize=False, to='pushcore.audiencewalk')),
                ('variants', models.JSONField(help_text='Name, share in percent and override of each.')),
                ('winner_by', models.CharField(blank=True, choices=[('opens', 'by open rate'), ('manual', 'by hand')], max_length=6)),
                ('test_seconds', models.IntegerField(null=True)),
                ('require_significance', models.BooleanField(default=False)),
                ('expired_seconds', models.IntegerField()),
                ('decide_by', models.DateTimeField()),
                ('tested_at', models.DateTimeField(null=True)),
                ('decides_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('winner', models.CharField(blank=True, max_length=1)),
                ('decided_by', models.CharField(blank=True, max_length=150)),
                ('is_significant', models.BooleanField(null=True)),
            ],
            options={
                'verbose_name': 'A/B test',
                'verbose_name_plural': 'A/B tests',
            },
        ),
        migrations.AddIndex(
            model_name='audiencewalk',
            index=models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['id'], name='pushcore_audience_walk_open'),
        ),
        migrations.AddField(
            model_name='device',
            name='workspace',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='pushcore.workspace', verbose_name='workspace'),
        ),
        migrations.CreateModel(
            name='Binding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=256, verbose_name='user ID')),
                ('bound_at', models.DateTimeField(verbose_name='bound at')),
                ('unbound_at', models.DateTimeField(blank=True, null=True, verbose_name='unbound at')),
                ('phone_number_sealed', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='phone number sealed')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bindings', to='pushcore.device', verbose_name='device')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bindings', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'binding',
                'verbose_name_plural': 'bindings',
            },
        ),
        migrations.CreateModel(
            name='AccessKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('access_key_id', models.CharField(max_length=64, unique=True, verbose_name='AccessKey ID')),
                ('secret_sealed', models.TextField(editable=False, verbose_name='secret sealed')),
                ('name', models.CharField(blank=True, help_text='What it is for.', max_length=200, verbose_name='name')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used at')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_keys', to='pushcore.app', verbose_name='app')),
                ('workspaces', models.ManyToManyField(blank=True, related_name='access_keys', to='pushcore.workspace', verbose_name='workspaces')),
            ],
            options={
                'verbose_name': 'access key',
                'verbose_name_plural': 'access keys',
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Broadcast',
            fields=[
                ('task', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='broadcast', serialize=False, to='pushcore.pushtask')),
                ('platform', models.SmallIntegerField(choices=[(1, 'Android'), (2, 'iOS'), (7, 'HarmonyOS'), (8, 'Web'), (9, 'Other')])),
                ('msgkey', models.CharField(max_length=64, verbose_name='customer message ID')),
                ('self_built', models.BooleanField(help_text='Goes to devices connected to a gateway.')),
                ('per_device', models.BooleanField(default=False, help_text='Each device gets a message of its own, whatever reaches it.')),
                ('vendor_channels', models.JSONField(default=list, help_text='Channels whose devices are reached there instead.')),
                ('bound', models.JSONField(help_text="When a device's user was bound: [from, to], ISO 8601; null: any.", null=True)),
                ('unbound', models.JSONField(help_text="When a device's last user was unbound; null: not asked for.", null=True)),
                ('expire_at', models.DateTimeField(db_index=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('reached', models.PositiveIntegerField(default=0, help_text='Devices that acknowledged it themselves.')),
                ('walked_to', models.BigIntegerField(default=0)),
                ('walked_at', models.DateTimeField(null=True)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Revocation',
            fields=[
                ('task', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='revocation', serialize=False, to='pushcore.pushtask')),
                ('own_task_id', models.BigIntegerField(help_text='The task of the messages that tell devices.')),
                ('created_at', models.DateTimeField()),
                ('stopped_at', models.DateTimeField(help_text='Nothing that waited is left.', null=True)),
                ('position', models.BigIntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['task'], name='pushcore_revocation_open')],
            },
        ),
        migrations.CreateModel(
            name='FileFault',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.BigIntegerField()),
                ('reason', models.CharField(max_length=200)),
                ('record', models.CharField(max_length=250)),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='faults', to='pushcore.fileimport')),
            ],
            options={
                'ordering': ['line'],
                'constraints': [models.UniqueConstraint(fields=('file', 'line'), name='pushcore_fault_unique')],
            },
        ),
        migrations.CreateModel(
            name='FileChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('data', models.BinaryField()),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='pushcore.fileimport')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('file', 'number'), name='pushcore_chunk_unique')],
            },
        ),
        migrations.AddConstraint(
            model_name='workspace',
            constraint=models.UniqueConstraint(fields=('app', 'workspace_id'), name='pushcore_workspace_unique'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(fields=('workspace', 'name'), name='pushcore_template_unique'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('state', 'due')), fields=['workspace', 'next_attempt_at'], name='pushcore_receipt_by_endpoint'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(fields=['workspace', '-id'], name='pushcore_receipt_recent'),
        ),
        migrations.AddIndex(
            model_name='pushtask',
            index=models.Index(fields=['workspace', '-id'], name='pushcore_task_recent'),
        ),
        migrations.AddIndex(
            model_name='pushtask',
            index=models.Index(fields=['expire_at', 'id'], name='pushcore_task_expiry'),
        ),
        migrations.AddIndex(
            model_name='pushtask',
            index=models.Index(condition=models.Q(('kind__in', ['multiple', 'broadcast', 'audience'])), fields=['-id', 'workspace'], name='pushcore_task_bulk'),
        ),
        migrations.AddIndex(
            model_name='occurrence',
            index=models.Index(condition=models.Q(('status', 0)), fields=['at'], name='pushcore_occurrence_due'),
        ),
        migrations.AddIndex(
            model_name='occurrence',
            index=models.Index(fields=['workspace', 'at'], name='pushcore_occurrence_list'),
        ),
        migrations.AddConstraint(
            model_name='occurrence',
            constraint=models.UniqueConstraint(fields=('schedule', 'at'), name='pushcore_occurrence_unique'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['device', 'id'], name='pushcore_msg_device'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['workspace', 'target', 'id'], name='pushcore_msg_target'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('kind__in', [1, 2])), fields=['-id', 'workspace'], name='pushcore_msg_single'),
        ),
        migrations.AddIndex(
            model_name='fileimport',
            index=models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['id'], name='pushcore_import_open'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(condition=models.Q(('third_token', ''), _negated=True), fields=['workspace', 'third_token'], name='pushcore_device_third'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(condition=models.Q(('activity_id__isnull', False)), fields=['workspace', 'activity_id'], name='pushcore_device_activity'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(condition=models.Q(('installation_id', ''), _negated=True), fields=['secret_hash'], name='pushcore_device_by_secret'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(condition=models.Q(('registration_hash', ''), _negated=True), fields=['registration_hash'], name='pushcore_device_by_nonce'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(condition=models.Q(('third_token', ''), _negated=True), fields=['workspace', 'platform', 'id'], name='pushcore_device_walk'),
        ),
        migrations.AddConstraint(
            model_name='device',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('third_token', ''), _negated=True), ('activity_id__isnull', True)), fields=('workspace', 'third_token', 'third_channel'), name='pushcore_device_one_a_token'),
        ),
        migrations.AddIndex(
            model_name='binding',
            index=models.Index(condition=models.Q(('unbound_at__isnull', True)), fields=['workspace', 'user_id'], name='pushcore_binding_active'),
        ),
        migrations.AddIndex(
            model_name='binding',
            index=models.Index(fields=['workspace', 'user_id', 'bound_at'], name='pushcore_binding_history'),
        ),
        migrations.AddIndex(
            model_name='binding',
            index=models.Index(fields=['bound_at'], name='pushcore_binding_bound_at'),
        ),
        migrations.AddConstraint(
            model_name='binding',
            constraint=models.UniqueConstraint(condition=models.Q(('unbound_at__isnull', True)), fields=('device',), name='pushcore_binding_one_user_a_device'),
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(blank=True, help_text='Empty once the erasure is finished.', max_length=256, verbose_name='user ID')),
                ('source', models.CharField(choices=[('rpc', 'API (RPC)'), ('rest', 'API (REST)'), ('console', 'console')], max_length=8, verbose_name='source')),
                ('author', models.CharField(blank=True, help_text='AccessKey ID or operator.', max_length=150, verbose_name='author')),
                ('bindings', models.PositiveIntegerField(default=0, verbose_name='bindings erased')),
                ('messages', models.PositiveIntegerField(default=0, verbose_name='messages erased')),
                ('position', models.BigIntegerField(default=0, editable=False, verbose_name='position')),
                ('requested_at', models.DateTimeField(editable=False, verbose_name='requested at')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='erasures', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'erasure',
                'verbose_name_plural': 'erasures',
                'indexes': [models.Index(fields=['workspace', '-id'], name='pushcore_erasure_recent')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('workspace', 'user_id'), name='pushcore_erasure_open')],
            },
        ),
        migrations.CreateModel(
            name='AudienceName',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.SmallIntegerField(choices=[(1, 'tag'), (2, 'topic')], verbose_name='kind')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('removed_at', models.DateTimeField(editable=False, null=True, verbose_name='removed at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='audience_names', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'tag or topic',
                'verbose_name_plural': 'tags and topics',
                'indexes': [models.Index(condition=models.Q(('removed_at__isnull', False)), fields=['id'], name='pushcore_audience_name_removed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('workspace', 'kind', 'name'), name='pushcore_audience_name_unique')],
            },
        ),
        migrations.CreateModel(
            name='AudienceProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(blank=True, default='', max_length=256, verbose_name='user ID')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None, verbose_name='tags')),
                ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None, verbose_name='topics')),
                ('attributes', models.JSONField(default=dict, verbose_name='attributes')),
                ('updated_at', models.DateTimeField(editable=False, verbose_name='updated at')),
                ('device', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='audience_profiles', to='pushcore.device', verbose_name='device')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='audience_profiles', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'audience profile',
                'verbose_name_plural': 'audience profiles',
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='pushcore_profile_tags'), django.contrib.postgres.indexes.GinIndex(fields=['topics'], name='pushcore_profile_topics')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('device__isnull', False)), fields=('device', 'workspace'), name='pushcore_profile_of_device'), models.UniqueConstraint(condition=models.Q(('device__isnull', True)), fields=('workspace', 'user_id'), name='pushcore_profile_of_user')],
            },
        ),
        migrations.CreateModel(
            name='UserAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('alias', models.CharField(max_length=256, verbose_name='alias')),
                ('user_id', models.CharField(max_length=256, verbose_name='user ID')),
                ('given_at', models.DateTimeField(editable=False, verbose_name='given at')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='user_aliases', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'user alias',
                'verbose_name_plural': 'user aliases',
                'indexes': [models.Index(fields=['workspace', 'user_id'], name='pushcore_alias_of_user')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'alias'), name='pushcore_alias_unique')],
            },
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(fields=['workspace', 'id'], name='pushcore_device_by_id'),
        ),
        migrations.CreateModel(
            name='MessageCategory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Pushes name it so.', max_length=64, verbose_name='name')),
                ('is_marketing', models.BooleanField(default=False, help_text='Devices that refused marketing messages do not get it.', verbose_name='marketing')),
                ('keeps_quiet_hours', models.BooleanField(default=False, help_text='Waits while it is quiet where the device is.', verbose_name='keeps quiet hours')),
                ('daily_cap', models.PositiveSmallIntegerField(blank=True, help_text='To one user, or to one device where devices are the targets. More are held back. Empty: any.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='most a day')),
                ('weekly_cap', models.PositiveSmallIntegerField(blank=True, help_text='Likewise in seven days, this day included.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='most a week')),
                ('third_channel_category', models.JSONField(blank=True, default=dict, help_text='By vendor the category there, where the push names none.', verbose_name="vendors' categories")),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='message_categories', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'message category',
                'verbose_name_plural': 'message categories',
                'ordering': ['workspace', 'name'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'name'), name='pushcore_category_unique')],
            },
        ),
        migrations.CreateModel(
            name='CapCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=257)),
                ('day', models.DateField(db_index=True)),
                ('counts', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ('granted', models.IntegerField()),
                ('category', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pushcore.messagecategory')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('category', 'subject'), name='pushcore_capcount_unique')],
            },
        ),
        migrations.CreateModel(
            name='QuietHours',
            fields=[
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='quiet_hours', serialize=False, to='pushcore.workspace', verbose_name='workspace')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('starts', models.TimeField(help_text="On the device's clock.", verbose_name='from')),
                ('ends', models.TimeField(help_text='Before the start: on the next day.', verbose_name='to')),
                ('time_zone', models.CharField(default='UTC', help_text='Of devices that do not say theirs.', max_length=64, verbose_name='time zone')),
                ('walked_until', models.DateTimeField(editable=False, verbose_name='walked until')),
                ('walking_until', models.DateTimeField(editable=False, null=True, verbose_name='walking until')),
                ('position', models.BigIntegerField(default=0, editable=False, verbose_name='position')),
                ('leased_until', models.DateTimeField(editable=False, null=True, verbose_name='leased until')),
            ],
            options={
                'verbose_name': 'quiet hours',
                'verbose_name_plural': 'quiet hours',
            },
        ),
        migrations.CreateModel(
            name='ConsentRefusal',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='pushcore.device')),
                ('refused_at', models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('device_rules__gte', 2)), fields=['workspace', 'id'], name='pushcore_msg_quiet'),
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='event ID')),
                ('event_type', models.CharField(max_length=32, verbose_name='event')),
                ('data', models.TextField(help_text='The member data of the payload, as JSON.', verbose_name='data')),
                ('state', models.CharField(choices=[('due', 'waiting to be sent'), ('delivered', 'delivered'), ('failed', 'given up')], default='due', max_length=10, verbose_name='state')),
                ('attempt_count', models.PositiveSmallIntegerField(default=0, verbose_name='attempt count')),
                ('queued_at', models.DateTimeField(help_text='Later than the event where it was replayed.', verbose_name='queued at')),
                ('next_attempt_at', models.DateTimeField(verbose_name='next attempt at')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'webhook event',
                'verbose_name_plural': 'webhook events',
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('http_status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='HTTP status')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='error')),
                ('duration_ms', models.PositiveIntegerField(verbose_name='duration (ms)')),
                ('delivery', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='pushcore.webhookdelivery')),
            ],
            options={
                'verbose_name': 'webhook attempt',
                'verbose_name_plural': 'webhook attempts',
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(max_length=1000, verbose_name='URL')),
                ('description', models.CharField(blank=True, max_length=200, verbose_name='description')),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), help_text='What is posted to this endpoint.', size=None, verbose_name='events')),
                ('batch_size', models.PositiveSmallIntegerField(db_default=1, default=1, help_text='How many events of a type one request may carry. 1: each event is a request of its own.', verbose_name='batch size')),
                ('enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('secret_sealed', models.TextField(editable=False, verbose_name='secret sealed')),
                ('former_secret_sealed', models.TextField(blank=True, default='', editable=False, verbose_name='former secret sealed')),
                ('former_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='former secret valid until')),
                ('failing_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='failing since')),
                ('disabled_reason', models.CharField(blank=True, choices=[('failing', 'it accepted nothing for days'), ('gone', 'it answered 410 Gone')], default='', editable=False, max_length=8, verbose_name='disabled because')),
                ('disabled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='disabled at')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhook_endpoints', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'webhook endpoint',
                'verbose_name_plural': 'webhook endpoints',
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='endpoint',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='deliveries', to='pushcore.webhookendpoint', verbose_name='webhook endpoint'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('state', 'due')), fields=['endpoint', 'next_attempt_at'], name='pushcore_webhook_by_endpoint'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', '-id'], name='pushcore_webhook_recent'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['workspace', '-id'], name='pushcore_webhook_workspace'),
        ),
        migrations.CreateModel(
            name='InboxMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('owner', models.CharField(max_length=300)),
                ('message_id', models.BigIntegerField(db_index=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('is_deleted', models.BooleanField(db_default=False, default=False)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'verbose_name': 'inbox mark',
                'constraints': [models.UniqueConstraint(fields=('workspace', 'owner', 'message_id'), name='pushcore_inbox_mark_unique')],
            },
        ),
    ]

    operations = [
        *map(in_state, operations),
        sql('0001_ids.sql'),
        sql('0001_partitioned_tables.sql'),
        sql('0001_storage.sql'),
        sql('0001_quiet_hours.sql'),
        sql('0001_ab_tests.sql'),
    ]
