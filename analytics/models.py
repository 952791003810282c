"""Tables of usage analysis: events of messages, changes that are not summed up yet, sums, and exports."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.channels import Channel, Platform
from pushcore.models.fields import ChannelField
from pushcore.storage import partitions

EVENTS = partitions.DailyTable("analytics_messageevent", partitions.message_retention)
partitions.register(EVENTS)


class MessageEvent(models.Model):
    """An event that a device reported of a message: at most one for each message, device and kind.

    Partitioned by the day of the message's id, and without foreign keys in the database
    (`pushcore.storage.partitions`).
    """

    class Kind(models.TextChoices):
        """What happened to the message."""

        ARRIVED = "arrived", _("arrived")
        OPENED = "opened", _("opened")
        IGNORED = "ignored", _("ignored")

    workspace = models.ForeignKey(
        "pushcore.Workspace",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("workspace"),
    )
    message_id = models.BigIntegerField(_("message ID"))
    task_id = models.BigIntegerField(_("task id"), null=True)
    channel = ChannelField(_("channel"), default=Channel.SELF_BUILT)
    device = models.ForeignKey(
        "pushcore.Device",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("device"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    at = models.DateTimeField(_("at"), help_text=_("When it happened: the device's time, where that can be."))
    received_at = models.DateTimeField(_("received at"), db_index=True)

    class Meta:
        verbose_name = _("message event")
        verbose_name_plural = _("message events")
        constraints = [
            models.UniqueConstraint(fields=["message_id", "device", "kind"], name="analytics_event_once"),
        ]
        indexes = [
            models.Index(fields=["device"], name="analytics_event_device"),
            models.Index(fields=["workspace", "-id"], name="analytics_event_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.get_kind_display()}"


class Change(models.Model):
    """The counts that one statement changed (`analytics.changes`): an entry a place in the arrays. Deleted when summed.

    An array of one stands for all entries. A minute counts from 1970. Without indexes but the key, and uncompressed:
    written often, read once.
    """

    metrics = ArrayField(models.SmallIntegerField())
    minutes = ArrayField(models.IntegerField())
    tasks = ArrayField(models.BigIntegerField())
    channels = ArrayField(models.SmallIntegerField())
    devices = ArrayField(models.BigIntegerField())
    statuses = ArrayField(models.IntegerField())

    def __str__(self) -> str:
        return str(self.pk)


class Rollup(models.Model):
    """Sums of a span for each combination of what can be filtered by. `start` is the span's first moment."""

    workspace_id = models.BigIntegerField()
    start = models.DateTimeField()
    platform = models.SmallIntegerField(choices=Platform.choices)
    app_version = models.CharField(max_length=64, blank=True)
    channel = ChannelField()
    kind = models.CharField(max_length=10)
    pushed = models.IntegerField(default=0)
    accepted = models.IntegerField(default=0)
    arrived = models.IntegerField(default=0)
    opened = models.IntegerField(default=0)
    ignored = models.IntegerField(default=0)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "start", "platform", "app_version", "channel", "kind"],
                name="%(app_label)s_%(class)s_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.start} {self.kind}"


class MinuteRollup(Rollup):
    """Sums of a minute."""


class QuarterRollup(Rollup):
    """Sums of a quarter of an hour: every time zone's hours and days are made of them."""


class StatusRollup(models.Model):
    """How many messages have a status, by the quarter of an hour in which their push was accepted.

    Without the device's platform and version, unlike `Rollup`: a message that waits may outlive its device.
    """

    workspace_id = models.BigIntegerField()
    start = models.DateTimeField()
    channel = ChannelField()
    kind = models.CharField(max_length=10)
    status = models.IntegerField()
    messages = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "start", "channel", "kind", "status"], name="analytics_statusrollup_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.start} {self.status}"


class Export(models.Model):
    """A report or a list as a file, written in the background where it is long; deleted a day later."""

    class FileFormat(models.TextChoices):
        """The format of the file."""

        EXCEL = "xlsx", "Excel"
        CSV = "csv", "CSV"

    class Kind(models.TextChoices):
        """What is written."""

        USAGE = "usage", _("usage analysis")
        LIST = "list", _("list")

    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.USAGE)
    # None for a list, which may be of several.
    workspace = models.ForeignKey(
        "pushcore.Workspace", on_delete=models.CASCADE, db_index=False, null=True, related_name="+"
    )
    author = models.CharField(max_length=150)
    file_format = models.CharField(max_length=4, choices=FileFormat.choices)
    parameters = models.JSONField(help_text=_("What the file shows, as the writer of its kind reads it."))
    rows = models.IntegerField(help_text=_("How many will be written; 0 while that is unknown."))
    done = models.IntegerField(default=0)
    fault = models.CharField(max_length=300, blank=True)
    size = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class ExportChunk(models.Model):
    """A chunk of an export's file. In the database, so that any host can hand it out."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, db_index=False, related_name="chunks")
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="analytics_chunk_unique")]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"
