"""A workspace's accounts at vendors, and what is on its way to them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_vendor.base.contract import Account
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.models import Workspace
from pushcore.models.fields import ChannelField, RandomCharField
from pushcore.security import crypto
from pushcore.storage import clock, partitions

WARN_DAYS = 15

VENDOR_MESSAGES = partitions.DailyTable("channels_vendor_vendormessage", partitions.message_retention)
partitions.register(VENDOR_MESSAGES)


class VendorAccount(models.Model):
    """What an operator entered for a vendor. Secrets are one sealed JSON object, never shown again."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="vendor_accounts", verbose_name=_("workspace")
    )
    channel = ChannelField(_("vendor"), third_party=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    public_values = models.JSONField(_("settings"), default=dict, blank=True)
    secrets_sealed = models.TextField(_("secrets sealed"), blank=True, editable=False)
    base_url = models.URLField(_("API address"), blank=True, help_text=_("Empty: the vendor's own."))
    auth_url = models.URLField(_("token address"), blank=True, help_text=_("Empty: the vendor's own."))
    ca_pem = models.TextField(_("extra CA"), blank=True, help_text=_("PEM; trusted beside the well-known ones."))
    rate = models.PositiveIntegerField(
        _("targets a second"), default=0, help_text=_("0: the vendor's published figure.")
    )
    report_key = RandomCharField(
        _("delivery report key"),
        make=crypto.new_address_key,
        max_length=32,
        unique=True,
        editable=False,
    )
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True, editable=False)
    # What the vendor said, and after how many refused tokens in a row; 0: one answer was enough.
    stopped_reason = models.CharField(_("stopped reason"), max_length=300, blank=True, editable=False)
    stopped_after = models.PositiveIntegerField(_("stopped after"), default=0, editable=False)
    certificate_subject = models.CharField(_("certificate subject"), max_length=200, blank=True, editable=False)
    certificate_expires_at = models.DateTimeField(_("certificate expires at"), null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True, editable=False)
    proven_for = models.CharField(
        _("proven for"),
        max_length=64,
        blank=True,
        editable=False,
        help_text=_("The configuration that a token was last accepted with."),
    )

    class Meta:
        verbose_name = _("vendor account")
        verbose_name_plural = _("vendor accounts")
        constraints = [models.UniqueConstraint(fields=["workspace", "channel"], name="channels_vendor_one_account")]

    def __str__(self) -> str:
        channel = Channel(self.channel)
        return f"{gettext(channel.description.title) or channel.label}, {self.workspace}"

    @property
    def usable(self) -> bool:
        """Whether messages go there: it is switched on and not stopped."""
        return self.enabled and self.stopped_at is None

    @property
    def configuration(self) -> str:
        """A digest of all that is configured: it changes with any value, secret or address."""
        configured = [self.public_values, self.secrets(), self.base_url, self.auth_url, self.ca_pem]
        text = json.dumps(configured, sort_keys=True)
        return salted_hmac("channels_vendor.configuration", text, algorithm="sha256").hexdigest()

    @property
    def is_proven(self) -> bool:
        """Whether the vendor has accepted a token of the account as it is configured now."""
        return self.proven_for == self.configuration

    @property
    def expires_soon(self) -> bool:
        """Whether operators are to be told that the certificate runs out."""
        return self.certificate_expires_at is not None and self.certificate_expires_at < clock.now() + timedelta(
            days=WARN_DAYS
        )

    @property
    def report_url(self) -> str:
        """Where the vendor posts delivery reports; empty where this installation has no public address."""
        return f"{settings.PUBLIC_URL}/vendor/receipts/{self.report_key}" if settings.PUBLIC_URL else ""

    def secrets(self) -> dict[str, str]:
        """Return the secrets in the clear, by field name."""
        return json.loads(crypto.decrypt(self.secrets_sealed)) if self.secrets_sealed else {}

    def set_secrets(self, values: dict[str, str]) -> None:
        """Seal the secrets in place of the former ones."""
        self.secrets_sealed = crypto.encrypt(json.dumps(values)) if values else ""

    def account(self, *, allow_private: bool) -> Account:
        """Return what an adapter works with; secrets in the clear."""
        values: dict[str, Any] = {name: value for name, value in self.public_values.items() if value}
        return Account(
            self.workspace_id,
            Channel(self.channel),
            values | self.secrets(),
            base_url=self.base_url.rstrip("/"),
            auth_url=self.auth_url,
            ca=self.ca_pem.encode(),
            allow_private=allow_private,
            report_url=self.report_url,
        )


class RefusedToken(models.Model):
    """A token the vendor refused since it last accepted one of the account (`channels_vendor.dispatch.refused_tokens`).

    Attributes:
        configuration: The account's at that time.
        since: Reported later than that, the token lives.
        is_dead: The vendor said so, and the token is given up once another is accepted; else it counts only.
    """

    account = models.ForeignKey(VendorAccount, on_delete=models.CASCADE, related_name="refused_tokens")
    configuration = models.CharField(max_length=64)
    device_id = models.BigIntegerField()
    token = models.TextField()
    since = models.DateTimeField()
    is_dead = models.BooleanField()

    class Meta:
        verbose_name = _("refused token")
        constraints = [
            models.UniqueConstraint(fields=["account", "device_id"], name="channels_vendor_refused_once"),
        ]

    def __str__(self) -> str:
        return f"a token of device {self.device_id}"


class VendorMessage(models.Model):
    """A message on its way to a vendor, and what the vendor said of it.

    Partitioned as messages are, and without foreign keys.

    Attributes:
        due_at: When it is (next) to be sent, None once it is done; a sender that claims it moves it ahead by its lease.
        in_doubt: A sender is asking the vendor, or has asked it and does not know what became of it.
        is_bulk: It is one of a push to many, and lets messages of pushes to few go before it.
        token_hash: Of the token it is sent to, which reports name long after the device may have another.
        report_code: The vendor's code in its last report, but for an arrival, which the message itself knows.
        report_status: The status that stands for it, where the table has one.
        report_at: When it happened there.
    """

    message_id = models.BigIntegerField(primary_key=True)
    workspace_id = models.BigIntegerField()
    channel = ChannelField(third_party=True)
    task_id = models.BigIntegerField()
    device_id = models.BigIntegerField()
    due_at = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(default=0)
    in_doubt = models.BooleanField(db_default=False)
    is_bulk = models.BooleanField(db_default=False)
    vendor_id = models.CharField(_("vendor's message ID"), max_length=200, blank=True)
    vendor_code = models.CharField(_("vendor's word"), max_length=200, blank=True)
    accepted_at = models.DateTimeField(null=True)
    token_hash = models.BigIntegerField(default=0)
    report_code = models.CharField(_("vendor's delivery report"), max_length=200, blank=True)
    report_status = models.IntegerField(null=True)
    report_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("message at a vendor")
        indexes = [
            models.Index(
                fields=["workspace_id", "channel", "is_bulk", "due_at"],
                name="channels_vendor_due",
                condition=Q(due_at__isnull=False),
            ),
            # Delivery reports name a task and a device's token; a token's history tells whether it lives.
            models.Index(fields=["token_hash", "task_id"], name="channels_vendor_token_task"),
        ]

    def __str__(self) -> str:
        return str(self.message_id)

    @property
    def report_meaning(self) -> statuses.Status | None:
        """The status that stands for the last report, where the table has one."""
        return statuses.STATUSES.get((Channel(self.channel).label, self.report_status or 0))
