"""The app's installation that a device is, and what proves a registration whose answer was lost."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is not built concurrently within a transaction.
    atomic = False

    dependencies = [
        ('pushcore', '0017_receipts_by_day'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='installation_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='installation ID'),
        ),
        migrations.AddField(
            model_name='device',
            name='registration_hash',
            field=models.CharField(db_default='', default='', editable=False, max_length=64),
        ),
        AddIndexConcurrently(
            model_name='device',
            index=models.Index(condition=models.Q(('installation_id', ''), _negated=True), fields=['secret_hash'], name='pushcore_device_by_secret'),
        ),
        AddIndexConcurrently(
            model_name='device',
            index=models.Index(condition=models.Q(('registration_hash', ''), _negated=True), fields=['registration_hash'], name='pushcore_device_by_nonce'),
        ),
    ]
