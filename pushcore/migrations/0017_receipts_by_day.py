"""Receipts and attempts are partitioned by day and dropped with it, instead of deleted one by one.

Processes of the version before must have ended.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from pushcore.storage import repartition
from pushcore.storage.partitions import ATTEMPTS, RECEIPTS


def forwards(_apps: Any, _schema_editor: Any) -> None:
    repartition.by_day(
        RECEIPTS,
        "message_id",
        [
            *repartition.numbered("pushcore_receipt"),
            "ALTER TABLE pushcore_receipt ADD PRIMARY KEY (message_id)",
            "CREATE INDEX pushcore_receipt_id ON pushcore_receipt (id)",
            "CREATE INDEX pushcore_receipt_due ON pushcore_receipt (next_attempt_at) WHERE state = 'due'",
            "CREATE INDEX pushcore_receipt_recent ON pushcore_receipt (workspace_id, id DESC)",
        ],
    )
    repartition.by_day(
        ATTEMPTS,
        "at",
        [
            *repartition.numbered("pushcore_receiptattempt"),
            "ALTER TABLE pushcore_receiptattempt ADD PRIMARY KEY (id, at)",
            "CREATE INDEX pushcore_receiptattempt_receipt_id ON pushcore_receiptattempt (receipt_id)",
        ],
    )


class Migration(migrations.Migration):

    dependencies = [
        ("pushcore", "0016_phone_number"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards)],
            state_operations=[
                migrations.AlterField(
                    "receipt",
                    "workspace",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="receipts",
                        to="pushcore.workspace",
                    ),
                ),
                migrations.AlterField(
                    "receiptattempt",
                    "receipt",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="pushcore.receipt",
                    ),
                ),
                migrations.RemoveIndex("receipt", "pushcore_receipt_finished"),
            ],
        )
    ]
