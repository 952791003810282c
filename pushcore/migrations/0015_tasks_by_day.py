"""Tasks are partitioned by the day of their ids, as messages are, and dropped with it.

Processes of the version before must have ended.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from pushcore.storage import repartition
from pushcore.storage.partitions import TASKS


def forwards(_apps: Any, _schema_editor: Any) -> None:
    repartition.by_day(
        TASKS,
        "id",
        [
            "ALTER TABLE pushcore_pushtask ADD PRIMARY KEY (id)",
            "CREATE INDEX pushcore_task_recent ON pushcore_pushtask (workspace_id, id DESC)",
        ],
    )


def to_task(related_name: str) -> models.OneToOneField:
    return models.OneToOneField(
        on_delete=django.db.models.deletion.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name=related_name,
        serialize=False,
        to="pushcore.pushtask",
    )


class Migration(migrations.Migration):

    dependencies = [
        ("pushcore", "0014_device_tokens"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards)],
            state_operations=[
                migrations.AlterField("pushtask", "created_at", models.DateTimeField()),
                migrations.AlterField(
                    "pushtask",
                    "workspace",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="pushcore.workspace",
                    ),
                ),
                migrations.AlterField("broadcast", "task", to_task("broadcast")),
                migrations.AlterField("revocation", "task", to_task("revocation")),
            ],
        )
    ]
