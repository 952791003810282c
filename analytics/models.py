"""Raw events of messages, kept short: for audit, and to rebuild whatever is summed up from them."""

from __future__ import annotations

from django.db import models


class MessageEvent(models.Model):
    """What a device said of a message: at most once for each message, device and kind."""

    class Kind(models.TextChoices):
        ARRIVED = "arrived", "arrived"
        OPENED = "opened", "opened"
        IGNORED = "ignored", "ignored"

    workspace = models.ForeignKey("pushcore.Workspace", on_delete=models.CASCADE, db_index=False, related_name="+")
    message_id = models.BigIntegerField("message ID")
    device = models.ForeignKey("pushcore.Device", on_delete=models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField(help_text="When it happened, by the device's clock.")
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message_id", "device", "kind"], name="analytics_event_once"),
        ]
        indexes = [
            models.Index(fields=["device"], name="analytics_event_device"),
            models.Index(fields=["workspace", "-id"], name="analytics_event_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.kind}"
