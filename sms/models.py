"""A workspace's account at a provider of SMS, and the SMS that complement messages."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pushcore.models import Workspace
from pushcore.models.fields import RandomCharField
from pushcore.security import crypto
from pushcore.storage import partitions
from sms.base.contract import Account, ProviderDescription
from sms.providers import PROVIDERS

SMS_MESSAGES = partitions.DailyTable("sms_smsmessage", partitions.message_retention)
partitions.register(SMS_MESSAGES)


class SmsAccount(models.Model):
    """What an operator entered for a provider. Secrets are one sealed JSON object, never shown again."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, related_name="sms_account", verbose_name=_("workspace")
    )
    # The choices stand in the admin: a provider more is no migration.
    provider = models.CharField(_("provider"), max_length=16)
    enabled = models.BooleanField(_("enabled"), default=True)
    public_values = models.JSONField(_("settings"), default=dict, blank=True)
    secrets_sealed = models.TextField(_("secrets sealed"), blank=True, editable=False)
    base_url = models.URLField(_("API address"), max_length=500, blank=True, help_text=_("Empty: the provider's own."))
    ca_pem = models.TextField(_("extra CA"), blank=True, help_text=_("PEM; trusted beside the well-known ones."))
    rate = models.PositiveIntegerField(_("SMS a second"), default=0, help_text=_("0: what the provider allows."))
    report_key = RandomCharField(
        _("delivery report key"), make=crypto.new_address_key, max_length=32, unique=True, editable=False
    )
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True, editable=False)
    # The provider's code.
    stopped_reason = models.CharField(_("stopped reason"), max_length=100, blank=True, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True, editable=False)

    class Meta:
        verbose_name = _("SMS account")
        verbose_name_plural = _("SMS accounts")

    def __str__(self) -> str:
        return f"{gettext(self.description.title)}, {self.workspace}"

    @property
    def description(self) -> ProviderDescription:
        """The provider."""
        return PROVIDERS[self.provider]

    @property
    def usable(self) -> bool:
        """Whether SMS are sent by it: it is switched on and not stopped."""
        return self.enabled and self.stopped_at is None

    @property
    def report_url(self) -> str:
        """Where the provider posts delivery reports; empty where this installation has no public address."""
        return f"{settings.PUBLIC_URL}/sms/receipts/{self.report_key}" if settings.PUBLIC_URL else ""

    def secrets(self) -> dict[str, str]:
        """Return the secrets in the clear, by field name."""
        return json.loads(crypto.decrypt(self.secrets_sealed)) if self.secrets_sealed else {}

    def set_secrets(self, values: dict[str, str]) -> None:
        """Seal the secrets in place of the former ones."""
        self.secrets_sealed = crypto.encrypt(json.dumps(values)) if values else ""

    def values(self) -> dict[str, str]:
        """Return what was entered, secrets in the clear; empty values are absent."""
        entered: dict[str, Any] = self.public_values | self.secrets()
        return {name: value for name, value in entered.items() if value}

    def account(self) -> Account:
        """Return what calls are made of; secrets in the clear."""
        address = self.base_url.rstrip("/") if self.description.base_url else self.base_url
        return Account(self.workspace_id, self.values(), address or self.description.base_url, self.report_url)


class SmsMessage(models.Model):
    """An SMS that complements a message, and what became of it. It keeps no phone number and no text.

    Partitioned as messages are, and without foreign keys. One stands for all messages of a push to one recipient, by
    the first of them.

    Attributes:
        due_at: When it is (next) to be looked at, None once that is over. Who claims it moves it ahead by a lease.
        attempts: How often the provider was asked and certainly did not send it.
        code: The provider's code, or ours where it was not asked.
        segments: How many SMS the provider charged for; None where it does not say.
    """

    class State(models.IntegerChoices):
        """`SENDING` is written before the provider is asked: found again, nobody knows whether it was sent."""

        WAITING = 0, _("waiting")
        SENDING = 1, _("being sent")
        SENT = 2, _("sent")
        DELIVERED = 3, _("delivered")
        FAILED = 4, _("failed")
        UNKNOWN = 5, _("maybe sent")
        NOT_NEEDED = 6, _("not needed")
        WITHDRAWN = 7, _("withdrawn")
        NO_NUMBER = 8, _("no phone number")

    message_id = models.BigIntegerField(primary_key=True)
    workspace_id = models.BigIntegerField()
    task_id = models.BigIntegerField()
    due_at = models.DateTimeField(null=True)
    state = models.SmallIntegerField(choices=State.choices, default=State.WAITING)
    attempts = models.SmallIntegerField(default=0)
    provider_id = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=100, blank=True)
    segments = models.SmallIntegerField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    currency = models.CharField(max_length=3, blank=True)
    sent_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("SMS")
        indexes = [
            models.Index(fields=["workspace_id", "due_at"], name="sms_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.message_id)
