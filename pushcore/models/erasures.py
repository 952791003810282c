"""Erasures of what is kept of users."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.fields import CreationTimeField
from pushcore.models.pushes import PushTask


class Erasure(models.Model):
    """A request to erase all that is kept of a user; the row stays as the proof, without the user's ID."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="erasures", db_index=False, verbose_name=_("workspace")
    )
    user_id = models.CharField(
        _("user ID"), max_length=256, blank=True, help_text=_("Empty once the erasure is finished.")
    )
    source = models.CharField(_("source"), max_length=8, choices=PushTask.Source.choices)
    author = models.CharField(_("author"), max_length=150, blank=True, help_text=_("AccessKey ID or operator."))
    bindings = models.PositiveIntegerField(_("bindings erased"), default=0)
    messages = models.PositiveIntegerField(_("messages erased"), default=0)
    # Up to which event of webhooks the user is erased.
    position = models.BigIntegerField(_("position"), default=0, editable=False)
    requested_at = CreationTimeField(_("requested at"), editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "user_id"], condition=Q(finished_at__isnull=True), name="pushcore_erasure_open"
            )
        ]
        indexes = [models.Index(fields=["workspace", "-id"], name="pushcore_erasure_recent")]

    def __str__(self) -> str:
        return str(self.pk)
