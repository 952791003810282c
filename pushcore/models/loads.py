"""How far the messages of a push task are made, where they are made block by block."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace


class TaskLoad(models.Model):
    """The progress of a push task whose messages are made after it was accepted (`pushcore.loading`).

    `id` is the task's. It is open from `accepted_at` to `finished_at`, and one loader at a time has the lease of it.
    `position` is committed with the messages made up to there. Nobody goes on before `not_before`. A pace
    (`pushcore.loading.pace`) is `messages_per_second`, or `over_seconds` for all of its targets. With a `pace_url`
    (`pushcore.loading.pace_callback`) only `granted` messages may be made until it is asked again.
    """

    id = models.BigIntegerField(_("task ID"), primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    accepted_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0)
    messages_per_second = models.IntegerField(_("messages a second"), null=True)
    over_seconds = models.IntegerField(_("spread over (seconds)"), null=True)
    pace_url = models.CharField(_("pace URL"), max_length=1000, blank=True, default="")
    granted = models.BigIntegerField(default=0)
    held_since = models.DateTimeField(_("held since"), null=True)
    not_before = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)

    @property
    def targets(self) -> int:
        """How many targets the push has, once they are counted."""
        raise NotImplementedError
