"""The triggers as they are now: a statement whose rows are all acknowledged is noted without comparing row by row."""

from django.db import migrations

from analytics.changes import TRIGGERS


class Migration(migrations.Migration):

    dependencies = [
        ("analytics", "0004_exports"),
    ]

    operations = [migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop)]
