"""Events are partitioned by the day of their messages and dropped with it, instead of deleted one by one."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from analytics.models import EVENTS
from pushcore.storage import repartition


def forwards(_apps: Any, _schema_editor: Any) -> None:
    repartition.by_day(
        EVENTS,
        "message_id",
        [
            *repartition.numbered("analytics_messageevent"),
            "ALTER TABLE analytics_messageevent ADD PRIMARY KEY (id, message_id)",
            "ALTER TABLE analytics_messageevent ADD CONSTRAINT analytics_event_once UNIQUE (message_id, device_id, kind)",
            "CREATE INDEX analytics_event_device ON analytics_messageevent (device_id)",
            "CREATE INDEX analytics_event_recent ON analytics_messageevent (workspace_id, id DESC)",
            "CREATE INDEX analytics_messageevent_received_at ON analytics_messageevent (received_at)",
        ],
    )


def to(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to=model,
    )


class Migration(migrations.Migration):

    dependencies = [
        ("analytics", "0007_no_planner_switch"),
        ("pushcore", "0011_no_default_partition"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards)],
            state_operations=[
                migrations.AlterField("messageevent", "workspace", to("pushcore.workspace")),
                migrations.AlterField("messageevent", "device", to("pushcore.device")),
            ],
        )
    ]
