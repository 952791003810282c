"""Triggers that keep once what a change's entries have in common; and what is kept for each is not compressed.

Compressing took longer than all else a trigger does, for rows that live for seconds.
"""

from django.db import migrations

from analytics.changes import TRIGGERS

STORAGE = """
ALTER TABLE analytics_change ALTER COLUMN tasks SET STORAGE {0};
ALTER TABLE analytics_change ALTER COLUMN devices SET STORAGE {0};
"""


class Migration(migrations.Migration):

    dependencies = [
        ("analytics", "0005_fewer_comparisons"),
    ]

    operations = [
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
        migrations.RunSQL(STORAGE.format("EXTERNAL"), STORAGE.format("EXTENDED")),
    ]
