"""The triggers without a planner setting: it made PostgreSQL 15 to 17 compile every statement that writes messages."""

from django.db import migrations

from analytics.changes import TRIGGERS


class Migration(migrations.Migration):

    dependencies = [
        ("analytics", "0006_shared_values"),
    ]

    operations = [migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop)]
