"""Message categories, and what they decide: caps, consent, quiet hours."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.devices import Device
from pushcore.models.fields import CreationTimeField
from pushcore.models.pushes import DeviceRules

# Characters of a category's name.
MAX_CATEGORY_NAME = 64


class MessageCategory(models.Model):
    """What kind of message a push is, to those who send it: a campaign, a reminder, a receipt."""

    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        related_name="message_categories",
        db_index=False,
        verbose_name=_("workspace"),
    )
    name = models.CharField(_("name"), max_length=MAX_CATEGORY_NAME, help_text=_("Pushes name it so."))
    is_marketing = models.BooleanField(
        _("marketing"), default=False, help_text=_("Devices that refused marketing messages do not get it.")
    )
    keeps_quiet_hours = models.BooleanField(
        _("keeps quiet hours"), default=False, help_text=_("Waits while it is quiet where the device is.")
    )
    daily_cap = models.PositiveSmallIntegerField(
        _("most a day"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("To one user, or to one device where devices are the targets. More are held back. Empty: any."),
    )
    weekly_cap = models.PositiveSmallIntegerField(
        _("most a week"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Likewise in seven days, this day included."),
    )
    third_channel_category = models.JSONField(
        _("vendors' categories"),
        default=dict,
        blank=True,
        help_text=_("By vendor the category there, where the push names none."),
    )
    created_at = CreationTimeField(_("created at"), editable=False)

    class Meta:
        verbose_name = _("message category")
        verbose_name_plural = _("message categories")
        ordering = ["workspace", "name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="pushcore_category_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def device_rules(self) -> DeviceRules:
        """What of the device decides whether it gets a message of this category now."""
        return DeviceRules(DeviceRules.CONSENT * self.is_marketing | DeviceRules.QUIET_HOURS * self.keeps_quiet_hours)

    @property
    def has_caps(self) -> bool:
        """Whether only so many messages reach one user or device."""
        return self.daily_cap is not None or self.weekly_cap is not None


class CapCount(models.Model):
    """How many messages of a category one user or device was sent, on a day and the six before it.

    Attributes:
        subject: "u" and the user's id, or "d" and the device's.
        counts: By day, `day` first.
        granted: How many the last batch was granted.
    """

    # Rows of a category that is deleted go with their retention: there may be millions.
    category = models.ForeignKey(
        MessageCategory, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    subject = models.CharField(max_length=257)
    day = models.DateField(db_index=True)
    counts = ArrayField(models.IntegerField())
    granted = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["category", "subject"], name="pushcore_capcount_unique")]

    def __str__(self) -> str:
        return self.subject


class QuietHours(models.Model):
    """When a workspace's devices are not to be disturbed, by the clock of each device where its time zone is known.

    Attributes:
        walked_until: Messages whose quiet hours ended until then were offered again.
        walking_until: Until when the walk that is under way offers them; null where none is.
        position: The message that walk has come to.
        leased_until: When the lease of who walks ends by itself.
    """

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="quiet_hours", verbose_name=_("workspace")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    starts = models.TimeField(_("from"), help_text=_("On the device's clock."))
    ends = models.TimeField(_("to"), help_text=_("Before the start: on the next day."))
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", help_text=_("Of devices that do not say theirs.")
    )
    walked_until = CreationTimeField(_("walked until"), editable=False)
    walking_until = models.DateTimeField(_("walking until"), null=True, editable=False)
    position = models.BigIntegerField(_("position"), default=0, editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, editable=False)

    class Meta:
        verbose_name = _("quiet hours")
        verbose_name_plural = _("quiet hours")

    def __str__(self) -> str:
        return f"{self.starts:%H:%M}-{self.ends:%H:%M}"


class ConsentRefusal(models.Model):
    """A device that refused marketing messages lately: what waits for it ends (`pushcore.categories.consent`)."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="+")
    refused_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.device_id)
