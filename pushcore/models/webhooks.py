"""Webhooks: endpoints of a workspace, the events that are posted to them, and each attempt to post one."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.fields import CreationTimeField
from pushcore.models.receipts import Receipt
from pushcore.security import crypto
from pushcore.storage import ids


class WebhookEndpoint(models.Model):
    """A URL of a backend that events are posted to, signed by Standard Webhooks (`pushcore.webhooks`)."""

    class Disabled(models.TextChoices):
        """Why the service disabled the endpoint by itself."""

        FAILING = "failing", _("it accepted nothing for days")
        GONE = "gone", _("it answered 410 Gone")

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="webhook_endpoints", verbose_name=_("workspace")
    )
    url = models.CharField(_("URL"), max_length=1000)
    description = models.CharField(_("description"), max_length=200, blank=True)
    event_types = ArrayField(
        models.CharField(max_length=32), verbose_name=_("events"), help_text=_("What is posted to this endpoint.")
    )
    batch_size = models.PositiveSmallIntegerField(
        _("batch size"),
        default=1,
        db_default=1,
        help_text=_("How many events of a type one request may carry. 1: each event is a request of its own."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    secret_sealed = models.TextField(_("secret sealed"), editable=False)
    # Signs beside the present one until `former_until`, so that a backend may change over without an outage.
    former_secret_sealed = models.TextField(_("former secret sealed"), blank=True, default="", editable=False)
    former_until = models.DateTimeField(_("former secret valid until"), null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    disabled_reason = models.CharField(
        _("disabled because"), max_length=8, choices=Disabled.choices, blank=True, default="", editable=False
    )
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True, editable=False)
    created_at = CreationTimeField(_("created at"), editable=False)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.url

    def secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign at a time, the present one first, in plain text (`whsec_...`)."""
        sealed = [self.secret_sealed]
        if self.former_secret_sealed and self.former_until and self.former_until > now:
            sealed.append(self.former_secret_sealed)
        return [crypto.decrypt(one) for one in sealed]


class WebhookDelivery(models.Model):
    """An event to POST to an endpoint. The row is the queue.

    Partitioned by the day of its id (`pushcore.storage.partitions`).
    """

    State = Receipt.State

    id = models.BigIntegerField(_("event ID"), primary_key=True)
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("workspace"),
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("webhook endpoint"),
    )
    event_type = models.CharField(_("event"), max_length=32)
    data = models.TextField(_("data"), help_text=_("The member data of the payload, as JSON."))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    attempt_count = models.PositiveSmallIntegerField(_("attempt count"), default=0)
    queued_at = models.DateTimeField(_("queued at"), help_text=_("Later than the event where it was replayed."))
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=models.Q(state="due"),
                name="pushcore_webhook_by_endpoint",
            ),
            models.Index(fields=["endpoint", "-id"], name="pushcore_webhook_recent"),
            models.Index(fields=["workspace", "-id"], name="pushcore_webhook_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.pk}"

    @property
    def created_at(self) -> datetime:
        """When the event happened, as its id tells."""
        return ids.created_at(self.pk)


class WebhookAttempt(models.Model):
    """One POST of an event: when, what came back, how long it took. Partitioned by the day of `at`."""

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.DO_NOTHING, db_constraint=False, related_name="attempts"
    )
    at = models.DateTimeField(_("at"))
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"))

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.http_status or self.error}"
