"""Marks of inboxes: which messages were read or deleted. The messages themselves are rows of `Message`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace


class InboxMark(models.Model):
    """A message of an inbox that was read or deleted.

    Attributes:
        owner: Whose inbox it is (`pushcore.inbox.owners`). A user's is one, whatever device reads it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_index=False, related_name="+")
    owner = models.CharField(max_length=300)
    message_id = models.BigIntegerField(db_index=True)
    read_at = models.DateTimeField(null=True)
    is_deleted = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("inbox mark")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "owner", "message_id"], name="pushcore_inbox_mark_unique")
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.message_id}"
