"""Push task, message, and the claims that make pushes idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntFlag
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.models.apps import Workspace
from pushcore.models.devices import Device
from pushcore.models.fields import ChannelField
from pushcore.storage import clock, ids


class DeliveryType(models.IntegerChoices):
    """What a target is (`deliveryType` of the API)."""

    ANDROID = Platform.ANDROID, _("Android device")
    IOS = Platform.IOS, _("iOS device")
    USER = 3, _("user")
    ACTIVITY_TOKEN = 5, _("Live Activity by push token")
    ACTIVITY = 6, _("Live Activity by ID")
    HARMONYOS = Platform.HARMONYOS, _("HarmonyOS device")
    WEB = Platform.WEB, _("Web device")
    OTHER = Platform.OTHER, _("other device")
    # Of a task alone: its messages have the types of their devices.
    AUDIENCE = 10, _("devices by a condition")


class DeviceRules(IntFlag):
    """What of a device decides whether it gets a message now, beside what holds of all messages."""

    NONE = 0
    # A device that refused marketing messages gets none.
    CONSENT = 1
    # Not while it is quiet where the device is.
    QUIET_HOURS = 2


ACTIVITIES = frozenset({DeliveryType.ACTIVITY_TOKEN, DeliveryType.ACTIVITY})
# What targets are that somebody names: a user, or a device of a platform.
NAMED_TARGETS = frozenset(DeliveryType) - ACTIVITIES - {DeliveryType.AUDIENCE}


class PushTask(models.Model):
    """One accepted push request. Its messages share the task's content.

    Partitioned by id, a partition a day, as messages are, and without foreign keys in the database
    (`pushcore.storage.partitions`).
    """

    class Kind(models.TextChoices):
        """`revoke`: the service's own, telling devices that a message was revoked."""

        SIMPLE = "simple", _("simple push")
        TEMPLATE = "template", _("template push")
        MULTIPLE = "multiple", _("multiple push")
        BROADCAST = "broadcast", _("broadcast push")
        AUDIENCE = "audience", _("audience push")
        REVOKE = "revoke", _("revocation")

    # Many messages each, followed as tasks; the messages of other kinds are followed one by one.
    BULK_KINDS = (Kind.MULTIPLE, Kind.BROADCAST, Kind.AUDIENCE)

    class Source(models.TextChoices):
        RPC = "rpc", _("API (RPC)")
        REST = "rest", _("API (REST)")
        CONSOLE = "console", _("console")

    id = models.BigIntegerField(_("task ID"), primary_key=True)
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="tasks",
        verbose_name=_("workspace"),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    delivery_type = models.SmallIntegerField(_("delivery type"), choices=DeliveryType.choices)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    author = models.CharField(_("author"), max_length=150, blank=True, help_text=_("AccessKey ID or operator."))
    content = models.JSONField(
        _("content"), help_text=_("What the device gets as bData, less what differs by message.")
    )
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text=_("What vendor channels need beyond the content.")
    )
    fingerprint = models.BinaryField(_("fingerprint"), max_length=32, editable=False)
    expire_at = models.DateTimeField(_("expire at"))
    created_at = models.DateTimeField(_("created at"))
    message_count = models.PositiveIntegerField(_("message count"), default=0)
    # Its own id where it has none.
    last_message_id = models.BigIntegerField(_("last message ID"), editable=False)
    success_count = models.PositiveIntegerField(_("success count"), default=0)
    arrival_count = models.PositiveIntegerField(_("arrival count"), default=0)
    expired_count = models.PositiveIntegerField(_("expired count"), default=0)
    held_back_count = models.PositiveIntegerField(_("held back count"), default=0, db_default=0)
    no_consent_count = models.PositiveIntegerField(_("no consent count"), default=0, db_default=0)
    inbox = models.BooleanField(
        _("inbox"), default=False, db_default=False, help_text=_("Its messages are in the inboxes of their targets.")
    )
    # What it asks of SMS (`pushcore.push.sms`); None for nothing.
    sms = models.JSONField(_("SMS"), null=True, blank=True, editable=False)
    # How many of its messages have their final status; when that was told to webhooks (`pushcore.webhooks.events`).
    final_count = models.PositiveIntegerField(_("final count"), default=0, db_default=0, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)
    last_outcome_at = models.DateTimeField(_("last outcome at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    # Its name, for the category may be deleted.
    message_category = models.CharField(_("message category"), max_length=64, blank=True, default="", db_default="")
    device_rules = models.SmallIntegerField(_("device rules"), default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("push task")
        verbose_name_plural = _("push tasks")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="pushcore_task_recent"),
            # Tasks are walked in the order their validity ends: see `pushcore.delivery.expiry`.
            models.Index(fields=["expire_at", "id"], name="pushcore_task_expiry"),
            # What the list of tasks shows by default: few among many, where backends push one message at a time.
            models.Index(
                fields=["-id", "workspace"],
                name="pushcore_task_bulk",
                condition=models.Q(kind__in=["multiple", "broadcast", "audience"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.name}".strip()

    @property
    def title(self) -> str:
        """The title that devices show; empty where there is none."""
        return str(self.content.get("title", ""))

    @property
    def message_ids(self) -> tuple[int, int]:
        """The range of ids of the task's messages, bounds included.

        Messages are found by it, and by their task: an index on their task would be written with each of them, and
        again with each outcome.
        """
        return self.pk, self.last_message_id

    @staticmethod
    def grown_by(message_ids: Sequence[int]) -> dict[str, Any]:
        """Return the arguments of `update` for a task that gets further messages.

        Args:
            message_ids: Ids of the new messages, ascending.
        """
        return {
            "message_count": F("message_count") + len(message_ids),
            "last_message_id": Greatest("last_message_id", message_ids[-1] if message_ids else 0),
        }

    def own_messages(self) -> models.QuerySet[Message]:
        """Return the task's messages."""
        return Message.objects.filter(task=self, pk__range=self.message_ids)


class Message(models.Model):
    """One message to one target on one device. Partitioned by id, a partition a day (`pushcore.storage.partitions`).

    The table carries no foreign keys in the database: partitions are dropped whole, rows arrive by the hundred
    thousand, and every writer takes its ids from rows it has just read.
    """

    class Kind(models.IntegerChoices):
        """The kind of the message's task (`PushTask.Kind`), as a number: the row has room for one."""

        SIMPLE = 1, _("simple push")
        TEMPLATE = 2, _("template push")
        MULTIPLE = 3, _("multiple push")
        BROADCAST = 4, _("broadcast push")
        REVOKE = 5, _("revocation")
        AUDIENCE = 6, _("audience push")

        @classmethod
        def of(cls, task: PushTask) -> Message.Kind:
            """Return the kind of a task's messages."""
            return cls[PushTask.Kind(task.kind).name]

    # What the list of messages shows by default (source document, 6.1.5).
    SINGLE_KINDS = (Kind.SIMPLE, Kind.TEMPLATE)

    id = models.BigIntegerField(_("message ID"), primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, verbose_name=_("workspace")
    )
    task = models.ForeignKey(
        PushTask,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="messages",
        verbose_name=_("task"),
    )
    delivery_type = models.SmallIntegerField(_("push type"), choices=DeliveryType.choices)
    target = models.CharField(_("target ID"), max_length=512)
    msgkey = models.CharField(_("customer message ID"), max_length=64)
    device = models.ForeignKey(
        Device,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("device"),
    )
    status = models.IntegerField(_("status"), default=statuses.WAITING)
    channel = ChannelField(_("channel"), default=Channel.SELF_BUILT)
    kind = models.SmallIntegerField(_("kind"), choices=Kind.choices, default=Kind.SIMPLE, db_default=Kind.SIMPLE)
    # Those of its task: messages are chosen by it where they are read (`pushcore.delivery.deliverable`).
    device_rules = models.SmallIntegerField(_("device rules"), default=0, db_default=0, editable=False)
    override = models.JSONField(
        _("override"), null=True, blank=True, help_text=_("What of the content is this message's own.")
    )
    expire_at = models.DateTimeField(_("expiry time"))
    sent_at = models.DateTimeField(
        _("sent at"), null=True, blank=True, help_text=_("Written to a connection that ended unacknowledged.")
    )
    arrived_at = models.DateTimeField(
        _("arrived at"), null=True, blank=True, help_text=_("When it was known to be on the device.")
    )
    updated_at = models.DateTimeField(_("modification time"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        indexes = [
            # No column that an outcome changes is in an index: see `pushcore.delivery.pending_cursor`.
            models.Index(fields=["device", "id"], name="pushcore_msg_device"),
            models.Index(fields=["workspace", "target", "id"], name="pushcore_msg_target"),
            # By id first: it serves all workspaces and one alike. A multiple push does not write it.
            models.Index(fields=["-id", "workspace"], name="pushcore_msg_single", condition=models.Q(kind__in=[1, 2])),
            # Those that keep quiet hours: they are walked when these end (`pushcore.categories.quiet_hours`).
            models.Index(
                fields=["workspace", "id"], name="pushcore_msg_quiet", condition=models.Q(device_rules__gte=2)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def created_at(self) -> datetime:
        """When it was made, as its id tells."""
        return ids.created_at(self.id)

    @property
    def content(self) -> dict[str, Any]:
        """The task's content, overridden by what is this message's own."""
        return {**self.task.content, **(self.override or {})}

    @property
    def title(self) -> str:
        """The title that devices show; empty where there is none."""
        return str(self.content.get("title", ""))

    @staticmethod
    def is_waiting(now: datetime) -> models.Q:
        """Select messages that may still be delivered: pending, and valid at a time."""
        return models.Q(status__in=statuses.PENDING, expire_at__gt=now)

    @staticmethod
    def has_expired(now: datetime) -> models.Q:
        """Select messages whose validity ended without a final status, recorded in their status yet or not."""
        return models.Q(status__in=statuses.PENDING, expire_at__lte=now) | models.Q(status=statuses.EXPIRED)

    @staticmethod
    def shows(status: int, now: datetime) -> models.Q:
        """Select messages that have a status at a time: those whose validity has ended have expired."""
        if status == statuses.EXPIRED:
            return Message.has_expired(now)
        has = models.Q(status=status)
        return has & models.Q(expire_at__gt=now) if status in statuses.PENDING else has

    @property
    def is_expired(self) -> bool:
        """Tell the same as `has_expired` of this message."""
        if self.status == statuses.EXPIRED:
            return True
        return self.status in statuses.PENDING and self.expire_at <= clock.now()

    @property
    def status_entry(self) -> statuses.Status:
        """Name and meaning of the status on the message's channel: expired as soon as the validity has ended."""
        if self.is_expired:
            return statuses.lookup(statuses.EXPIRED)
        return statuses.lookup(self.status, Channel(self.channel).label)


class MessageKey(models.Model):
    """Claims (workspace, target, msgkey) for 24 hours, so that a repeated request delivers nothing twice.

    `digest` is a 128-bit BLAKE2b of the three, kept as a UUID. Partitioned by `day`; in the database both are the key
    (`pushcore.push.idempotency` tells how a claim holds across midnight).
    """

    digest = models.UUIDField(_("digest"), primary_key=True)
    day = models.DateField(_("day"))
    task_id = models.BigIntegerField(_("task id"))
    claimed_at = models.DateTimeField(_("claimed at"))

    class Meta:
        verbose_name = _("message key")
        verbose_name_plural = _("message keys")

    def __str__(self) -> str:
        return str(self.digest)
