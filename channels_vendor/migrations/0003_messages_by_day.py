"""What is on its way to vendors is partitioned by the day of its message and dropped with it."""

from typing import Any

from django.db import migrations

from channels_vendor.models import VENDOR_MESSAGES
from pushcore.storage import repartition


def forwards(_apps: Any, _schema_editor: Any) -> None:
    repartition.by_day(
        VENDOR_MESSAGES,
        "message_id",
        [
            "ALTER TABLE channels_vendor_vendormessage ADD PRIMARY KEY (message_id)",
            "CREATE INDEX channels_vendor_due ON channels_vendor_vendormessage (workspace_id, channel, due_at)"
            " WHERE due_at IS NOT NULL",
            "CREATE INDEX channels_vendor_token_task ON channels_vendor_vendormessage (token_hash, task_id)",
        ],
    )


class Migration(migrations.Migration):

    dependencies = [
        ("channels_vendor", "0002_refused_tokens"),
        ("pushcore", "0011_no_default_partition"),
    ]

    operations = [migrations.RunPython(forwards)]
