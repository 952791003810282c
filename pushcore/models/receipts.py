"""Receipts: what a backend is told of a message's outcome, and each attempt to tell it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace


class Receipt(models.Model):
    """A receipt to POST to the workspace's callback URL. The row is the queue: nothing is lost with the broker.

    Partitioned by the day of its message's id; in the database `message_id` is the key (`pushcore.storage.partitions`).
    """

    class State(models.TextChoices):
        DUE = "due", _("waiting to be sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="receipts",
        verbose_name=_("workspace"),
    )
    message_id = models.BigIntegerField(_("message ID"), unique=True)
    target = models.CharField(_("target ID"), max_length=512)
    body = models.TextField(_("body"), help_text=_("The JSON that is signed and posted, byte for byte."))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    attempt_count = models.PositiveSmallIntegerField(_("attempt count"), default=0)
    created_at = models.DateTimeField(_("created at"))
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        indexes = [
            models.Index(
                fields=["workspace", "next_attempt_at"],
                condition=models.Q(state="due"),
                name="pushcore_receipt_by_endpoint",
            ),
            models.Index(fields=["workspace", "-id"], name="pushcore_receipt_recent"),
        ]

    def __str__(self) -> str:
        return str(self.message_id)


class ReceiptAttempt(models.Model):
    """One POST of a receipt: when, what came back, how long it took. Partitioned by the day of `at`."""

    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, db_constraint=False, related_name="attempts")
    at = models.DateTimeField(_("at"))
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"))

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.http_status or self.error}"
