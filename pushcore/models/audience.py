"""What is known of devices and users to choose among them: names of tags and topics, profiles, aliases."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.devices import Device
from pushcore.models.fields import CreationTimeField
from pushcore.models.loads import TaskLoad


class AudienceName(models.Model):
    """A tag or a topic of a workspace. Profiles hold its id, which is never used again."""

    class Kind(models.IntegerChoices):
        """What the name is of."""

        TAG = 1, _("tag")
        TOPIC = 2, _("topic")

    # Of 32 bits: a profile holds up to two hundred of them.
    id = models.AutoField("ID", primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="audience_names", verbose_name=_("workspace")
    )
    kind = models.SmallIntegerField(_("kind"), choices=Kind.choices)
    name = models.CharField(_("name"), max_length=64)
    created_at = CreationTimeField(_("created at"), editable=False)
    # From then on nobody has it; the row stays until its id is out of all profiles (`pushcore.audience.names`).
    removed_at = models.DateTimeField(_("removed at"), null=True, editable=False)

    class Meta:
        verbose_name = _("tag or topic")
        verbose_name_plural = _("tags and topics")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "kind", "name"],
                condition=Q(removed_at__isnull=True),
                name="pushcore_audience_name_unique",
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(removed_at__isnull=False), name="pushcore_audience_name_removed")
        ]

    def __str__(self) -> str:
        return self.name


class AudienceProfile(models.Model):
    """Tags, topics and attributes of one device, or of one user where `device` is null.

    They are apart from the device's row, which is written with every connection and must stay cheap to write.
    """

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="audience_profiles", verbose_name=_("workspace")
    )
    device = models.ForeignKey(
        Device,
        on_delete=models.CASCADE,
        related_name="audience_profiles",
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("device"),
    )
    user_id = models.CharField(_("user ID"), max_length=256, blank=True, default="")
    tags = ArrayField(models.IntegerField(), verbose_name=_("tags"), default=list)
    topics = ArrayField(models.IntegerField(), verbose_name=_("topics"), default=list)
    attributes = models.JSONField(_("attributes"), default=dict)
    updated_at = CreationTimeField(_("updated at"), editable=False)

    class Meta:
        verbose_name = _("audience profile")
        verbose_name_plural = _("audience profiles")
        constraints = [
            models.UniqueConstraint(
                fields=["device", "workspace"], condition=Q(device__isnull=False), name="pushcore_profile_of_device"
            ),
            models.UniqueConstraint(
                fields=["workspace", "user_id"], condition=Q(device__isnull=True), name="pushcore_profile_of_user"
            ),
        ]
        indexes = [
            GinIndex(fields=["tags"], name="pushcore_profile_tags"),
            GinIndex(fields=["topics"], name="pushcore_profile_topics"),
        ]

    def __str__(self) -> str:
        return self.user_id or str(self.device_id)


class UserAlias(models.Model):
    """One more name of a user, by which a push reaches it."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="user_aliases", db_index=False, verbose_name=_("workspace")
    )
    alias = models.CharField(_("alias"), max_length=256)
    user_id = models.CharField(_("user ID"), max_length=256)
    given_at = CreationTimeField(_("given at"), editable=False)

    class Meta:
        verbose_name = _("user alias")
        verbose_name_plural = _("user aliases")
        constraints = [models.UniqueConstraint(fields=["workspace", "alias"], name="pushcore_alias_unique")]
        indexes = [models.Index(fields=["workspace", "user_id"], name="pushcore_alias_of_user")]

    def __str__(self) -> str:
        return self.alias


class Segment(models.Model):
    """A condition that is kept under a name (`pushcore.audience.segments`)."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="segments", db_index=False, verbose_name=_("workspace")
    )
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    condition = models.JSONField(_("condition"), help_text=_("Its JSON form."))
    created_at = CreationTimeField(_("created at"), editable=False)
    saved_at = CreationTimeField(_("modification time"), editable=False)
    saved_by = models.CharField(_("changed by"), max_length=150, blank=True, editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                name="pushcore_segment_unique",
                violation_error_message=_("The workspace has a segment of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class AudienceWalk(TaskLoad):
    """The devices that an audience push goes to, in the order of their ids; `position` is the last one looked at.

    The condition is as it was when the push was accepted: a name that is removed or made again meanwhile changes
    nothing.
    """

    class Phase(models.IntegerChoices):
        """What the walk is at: one of all devices, or those of an A/B test (`pushcore.ab_tests`)."""

        WHOLE = 0, _("all devices")
        TEST = 1, _("test group")
        DECISION = 2, _("decision")
        REST = 3, _("rest")

    condition = models.JSONField(_("condition"))
    segment_name = models.CharField(_("segment"), max_length=64, blank=True, default="")
    # Of the tags and topics in it: their ids by name, by kind (the number).
    names = models.JSONField(default=dict)
    msgkey = models.CharField(_("customer message ID"), max_length=64)
    # The newest of the workspace when the push was accepted: later ones do not get it.
    last_device_id = models.BigIntegerField()
    found = models.BigIntegerField(_("devices found"), default=0)
    # Of a push at a local time (`pushcore.audience.waves`).
    local_time = models.TimeField(_("local time"), null=True)
    local_date = models.DateField(_("local date"), null=True)
    # Or at each user's best time, within so many hours.
    best_time_hours = models.SmallIntegerField(_("best time within (hours)"), null=True)
    # Whether the devices of a push that has waves are assigned to them.
    has_waves = models.BooleanField(default=False)
    phase = models.SmallIntegerField(choices=Phase.choices, default=Phase.WHOLE)

    class Meta:
        verbose_name = _("devices of an audience push")
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="pushcore_audience_walk_open")
        ]

    @property
    def is_in_waves(self) -> bool:
        """Whether its devices are assigned to waves first."""
        return self.has_times or self.over_seconds is not None

    @property
    def has_times(self) -> bool:
        """Whether devices get it at different times."""
        return self.local_time is not None or self.best_time_hours is not None

    @property
    def targets(self) -> int:
        """How many devices were found."""
        return self.found


class AudienceWave(models.Model):
    """Devices of an audience push that get it at the same moment: those of one page, in the order of their ids.

    `position` is how many of them have their message. When all have, the row is deleted.
    """

    walk = models.ForeignKey(AudienceWalk, on_delete=models.CASCADE, related_name="waves", db_index=False)
    at = models.DateTimeField()
    devices = ArrayField(models.BigIntegerField())
    position = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["walk", "at", "id"], name="pushcore_audience_wave_next")]

    def __str__(self) -> str:
        return f"{self.walk_id} {self.at}"


class OpenHours(models.Model):
    """How often a user opened messages at each hour of the clock; of all users of the workspace where it is empty.

    An open counts the less the longer before `as_of` it was (`pushcore.audience.open_hours`).
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    user_id = models.CharField(max_length=256, blank=True)
    hours = ArrayField(models.FloatField(), size=24)
    as_of = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user_id"], name="pushcore_openhours_unique")]

    def __str__(self) -> str:
        return self.user_id
