from django.db import migrations

from analytics.changes import NO_TRIGGERS, TRIGGERS


class Migration(migrations.Migration):
    # Changed triggers take effect by another migration that runs `TRIGGERS` again: it replaces what is there.

    dependencies = [("analytics", "0002_rollups"), ("pushcore", "0008_vendor_tokens")]

    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
