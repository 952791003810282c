"""Messages that were not delivered while they were valid become Expired; tasks are found by when their validity ends."""

from django.db import migrations, models

from pushcore.storage.partitioned_indexes import AddIndexByPartition


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("pushcore", "0021_replay_protection"),
    ]

    operations = [
        migrations.AddField("pushtask", "expired_count", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "workspace",
            "expiry_receipts",
            models.BooleanField(
                default=False,
                help_text="Also post a receipt for a message that expired before it was delivered (status -3, Expired).",
                verbose_name="receipts of expiry",
            ),
        ),
        AddIndexByPartition("pushtask", models.Index(fields=["expire_at", "id"], name="pushcore_task_expiry")),
    ]
