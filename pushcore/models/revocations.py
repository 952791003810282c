"""The work left after a task was revoked."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.pushes import PushTask


class Revocation(models.Model):
    """A revoked task whose messages are still being revoked.

    `position` is the last message processed: first of those that waited until `stopped_at`, then of those that had
    arrived.
    """

    task = models.OneToOneField(
        PushTask, on_delete=models.CASCADE, db_constraint=False, primary_key=True, related_name="revocation"
    )
    own_task_id = models.BigIntegerField(help_text=_("The task of the messages that tell devices."))
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, help_text=_("Nothing that waited is left."))
    position = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["task"], condition=models.Q(finished_at__isnull=True), name="pushcore_revocation_open")
        ]

    def __str__(self) -> str:
        return str(self.task_id)
