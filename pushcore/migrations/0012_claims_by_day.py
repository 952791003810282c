"""Claims of msgkeys are partitioned by day: they are dropped with it instead of deleted one by one.

Processes of the version before must have ended: they write no day.
"""

from typing import Any

from django.db import migrations, models

from pushcore.storage import repartition
from pushcore.storage.partitions import CLAIMS


def forwards(_apps: Any, _schema_editor: Any) -> None:
    repartition.by_day(
        CLAIMS,
        "day",
        ["ALTER TABLE pushcore_messagekey ADD PRIMARY KEY (digest, day)"],
        columns="digest uuid NOT NULL, day date NOT NULL, task_id bigint NOT NULL, claimed_at timestamptz NOT NULL",
        rows="SELECT digest, (claimed_at AT TIME ZONE 'UTC')::date AS day, task_id, claimed_at FROM former"
        " WHERE claimed_at >= now() - interval '24 hours'",
    )


class Migration(migrations.Migration):

    dependencies = [
        ("pushcore", "0011_no_default_partition"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards)],
            state_operations=[
                migrations.AddField("messagekey", "day", models.DateField()),
                migrations.AlterField("messagekey", "claimed_at", models.DateTimeField()),
            ],
        )
    ]
