"""Device, binding, and the loss of a vendor token."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pushcore.channels import Platform
from pushcore.models.apps import Workspace
from pushcore.models.fields import ChannelField, CreationTimeField, RandomCharField
from pushcore.security import crypto


class Device(models.Model):
    """A device of a workspace: its Ad-token, its description, and its token at a vendor's channel if it has one.

    A Live Activity is a row here too, for it is pushed to like a device (`pushcore.devices.activities`).
    """

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="devices", db_index=False, verbose_name=_("workspace")
    )
    ad_token = RandomCharField(_("Ad-token"), make=crypto.new_token, max_length=64, unique=True)
    secret_hash = models.CharField(_("secret hash"), max_length=64, editable=False)
    platform = models.SmallIntegerField(_("platform"), choices=Platform.choices, default=Platform.ANDROID)
    manufacturer = models.CharField(_("manufacturer"), max_length=64, blank=True)
    model = models.CharField(_("model"), max_length=128, blank=True)
    os_version = models.CharField(_("OS version"), max_length=64, blank=True)
    app_version = models.CharField(_("app version"), max_length=64, blank=True)
    # In the spelling of `pushcore.devices.region`.
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, db_default="", default="")
    language = models.CharField(_("language"), max_length=35, blank=True, db_default="", default="")
    country = models.CharField(_("country"), max_length=2, blank=True, db_default="", default="")
    capabilities = models.CharField(
        _("capabilities"),
        max_length=64,
        blank=True,
        db_default="",
        default="",
        help_text=_("What the app's SDK can do."),
    )
    marketing_consent = models.BooleanField(
        _("marketing messages"), null=True, blank=True, help_text=_("Null: not known, which counts as allowed.")
    )
    third_channel = ChannelField(_("third-party channel"), null=True, blank=True)
    third_token = models.CharField(_("third-party token"), max_length=1024, blank=True)
    third_reported_at = models.DateTimeField(
        _("third reported at"), null=True, blank=True, editable=False, help_text=_("When that token was last reported.")
    )
    activity_id = models.CharField(
        _("Live Activity"),
        max_length=128,
        null=True,
        blank=True,
        editable=False,
        help_text=_("Null for a real device."),
    )
    # Of the app's installation, and what proved a registration whose answer was lost
    # (`pushcore.devices.installations`).
    installation_id = models.CharField(_("installation ID"), max_length=64, blank=True, db_default="", default="")
    registration_hash = models.CharField(
        _("registration hash"), max_length=64, editable=False, db_default="", default=""
    )
    created_at = CreationTimeField(_("created at"), editable=False)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)
    # The message id up to which none waits for the device (`pushcore.delivery.pending_cursor`).
    pending_cursor = models.BigIntegerField(_("pending cursor"), db_column="settled_id", db_default=0, editable=False)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        indexes = [
            # In the order an audience is walked (`pushcore.audience.resolve`); it serves the workspace's key, too.
            models.Index(fields=["workspace", "id"], name="pushcore_device_by_id"),
            models.Index(
                fields=["workspace", "third_token"], name="pushcore_device_third", condition=~Q(third_token="")
            ),
            models.Index(
                fields=["workspace", "activity_id"],
                name="pushcore_device_activity",
                condition=Q(activity_id__isnull=False),
            ),
            # By what proves that a registration is an installation's own, which nobody can make many rows of.
            models.Index(fields=["secret_hash"], name="pushcore_device_by_secret", condition=~Q(installation_id="")),
            models.Index(
                fields=["registration_hash"], name="pushcore_device_by_nonce", condition=~Q(registration_hash="")
            ),
            # In the order a broadcast walks them.
            models.Index(
                fields=["workspace", "platform", "id"], name="pushcore_device_walk", condition=~Q(third_token="")
            ),
        ]
        constraints = [
            # Who reported it last has it (`pushcore.devices.tokens`). A Live Activity's tokens are not its device's.
            models.UniqueConstraint(
                fields=["workspace", "third_token", "third_channel"],
                condition=~Q(third_token="") & Q(activity_id__isnull=True),
                name="pushcore_device_one_a_token",
            )
        ]

    def __str__(self) -> str:
        return self.ad_token


class TokenLoss(models.Model):
    """A device lost its token at a vendor's channel because another device reported it.

    As a rule both are the same phone, on which the app was installed again.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="token_losses")
    # No key in the database: the other device may end while this row stays.
    taken_by = models.ForeignKey(
        Device, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    channel = ChannelField(_("third-party channel"))
    at = CreationTimeField(db_index=True)

    class Meta:
        verbose_name = _("lost token")

    def __str__(self) -> str:
        return f"{self.get_channel_display()} of {self.device_id} to {self.taken_by_id}"


class Binding(models.Model):
    """A user id bound to a device, from `bound_at` until `unbound_at`; ended bindings stay as history.

    A device serves one user at a time (binding the next one ends the former); a user may have many devices.
    """

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="bindings", verbose_name=_("workspace")
    )
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="bindings", verbose_name=_("device"))
    user_id = models.CharField(_("user ID"), max_length=256)
    bound_at = models.DateTimeField(_("bound at"))
    unbound_at = models.DateTimeField(_("unbound at"), null=True, blank=True)
    # The user's, for an SMS where a message arrives nowhere; gone when the binding ends.
    phone_number_sealed = models.TextField(
        _("phone number sealed"), blank=True, default="", db_default="", editable=False
    )

    class Meta:
        verbose_name = _("binding")
        verbose_name_plural = _("bindings")
        constraints = [
            models.UniqueConstraint(
                fields=["device"], condition=Q(unbound_at__isnull=True), name="pushcore_binding_one_user_a_device"
            )
        ]
        indexes = [
            models.Index(
                fields=["workspace", "user_id"], condition=Q(unbound_at__isnull=True), name="pushcore_binding_active"
            ),
            models.Index(fields=["workspace", "user_id", "bound_at"], name="pushcore_binding_history"),
            models.Index(fields=["bound_at"], name="pushcore_binding_bound_at"),
        ]

    def __str__(self) -> str:
        return self.user_id
