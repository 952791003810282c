"""A new database. The operations are as makemigrations writes them (CONTRIBUTING, "Migrations"); the rest is SQL."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models



def sql(name):
    return migrations.RunSQL(Path(__file__).with_name(name).read_text())


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('pushcore', '0001_initial'),
        ('sessions', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, verbose_name='at')),
                ('user_id', models.BigIntegerField(null=True, verbose_name='user id')),
                ('username', models.CharField(blank=True, help_text='The name at that time.', max_length=150, verbose_name='user')),
                ('action', models.CharField(choices=[('add', 'add'), ('change', 'change'), ('delete', 'delete'), ('push', 'push'), ('test', 'test'), ('export', 'export'), ('login', 'login'), ('login_failed', 'failed login'), ('logout', 'logout')], max_length=16, verbose_name='action')),
                ('object_type', models.CharField(blank=True, max_length=100, verbose_name='object type')),
                ('object_id', models.CharField(blank=True, max_length=64, verbose_name='object ID')),
                ('object_name', models.CharField(blank=True, max_length=200, verbose_name='object')),
                ('details', models.JSONField(default=dict, verbose_name='details')),
                ('changes', models.JSONField(default=list, verbose_name='changes')),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('request_id', models.CharField(blank=True, max_length=36, verbose_name='request ID')),
                ('app', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to='pushcore.app', verbose_name='app')),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit log',
                'indexes': [models.Index(fields=['app', '-id'], name='console_audit_app'), models.Index(fields=['username', '-id'], name='console_audit_who'), models.Index(fields=['action', '-id'], name='console_audit_what')],
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField()),
                ('kind', models.CharField(choices=[('simple', 'simple push'), ('template', 'template push'), ('multiple', 'multiple push'), ('broadcast', 'broadcast push'), ('audience', 'audience push'), ('revoke', 'revocation')], max_length=10)),
                ('typed', models.JSONField()),
                ('saved_at', models.DateTimeField(db_index=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='console_draft_unique')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'viewer'), ('analyst', 'analyst'), ('operator', 'operator'), ('administrator', 'administrator')], default='viewer', help_text='Viewers read; analysts also export the usage analysis; operators also push; administrators also change the app, its workspaces, keys and members.', max_length=16, verbose_name='role')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='pushcore.app', verbose_name='app')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'ordering': ['app', 'user'],
                'constraints': [models.UniqueConstraint(fields=('user', 'app'), name='console_membership_unique')],
            },
        ),
        migrations.CreateModel(
            name='LoginSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.GenericIPAddressField(null=True)),
                ('browser', models.CharField(help_text='The header User-Agent.', max_length=300)),
                ('started_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions.session')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('throttling_failure_timestamp', models.DateTimeField(blank=True, default=None, help_text='A timestamp of the last failed verification attempt. Null if last attempt succeeded.', null=True)),
                ('throttling_failure_count', models.PositiveIntegerField(default=0, help_text='Number of successive failed attempts.')),
                ('key_sealed', models.TextField(editable=False)),
                ('last_step', models.BigIntegerField(default=-1, editable=False, help_text='The newest time step whose code was used.')),
                ('recovery_hashes', models.JSONField(default=list, editable=False)),
                ('user', models.ForeignKey(help_text='The user that this device belongs to.', on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user',), name='console_second_factor_unique')],
            },
        ),
        migrations.CreateModel(
            name='SetupDismissal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='SimulatedDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ad_token', models.CharField(blank=True, max_length=64, verbose_name='Ad-token')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='pushcore.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'workspace'), name='console_simulated_unique')],
            },
        ),
        migrations.CreateModel(
            name='TestDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text="Such as the phone's model and its owner.", max_length=60, verbose_name='name')),
                ('delivery_type', models.SmallIntegerField(choices=[(1, 'Android device'), (2, 'iOS device'), (3, 'user'), (7, 'HarmonyOS device'), (8, 'Web device'), (9, 'other device')], default=1, verbose_name='kind')),
                ('target', models.CharField(help_text='The Ad-token, for iOS the APNs device token, for a user the user ID.', max_length=512, verbose_name='target ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='test_devices', to='pushcore.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'test device',
                'verbose_name_plural': 'test devices',
                'ordering': ['workspace', 'name'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'delivery_type', 'target'), name='console_test_device_unique', violation_error_message='This is a test device of the workspace already.')],
            },
        ),
    ]

    operations += [sql('0001_audit_guard.sql')]
