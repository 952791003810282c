"""Push task, message, and the claims that make pushes idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest

from pushcore.channels import Channel, Platform
from pushcore.codes import statuses
from pushcore.models.apps import Workspace
from pushcore.models.devices import Device
from pushcore.models.fields import ChannelField
from pushcore.storage import clock, ids


class DeliveryType(models.IntegerChoices):
    """What a target is (`deliveryType` of the API)."""

    ANDROID = Platform.ANDROID, "Android device"
    IOS = Platform.IOS, "iOS device"
    USER = 3, "user"
    ACTIVITY_TOKEN = 5, "Live Activity by push token"
    ACTIVITY = 6, "Live Activity by ID"
    HARMONYOS = Platform.HARMONYOS, "HarmonyOS device"


ACTIVITIES = frozenset({DeliveryType.ACTIVITY_TOKEN, DeliveryType.ACTIVITY})


class PushTask(models.Model):
    """One accepted push request. Its messages share the task's content.

    Partitioned by id, a partition a day, as messages are, and without foreign keys in the database
    (`pushcore.storage.partitions`).
    """

    class Kind(models.TextChoices):
        """`revoke`: the service's own, telling devices that a message was revoked."""

        SIMPLE = "simple", "simple push"
        TEMPLATE = "template", "template push"
        MULTIPLE = "multiple", "multiple push"
        BROADCAST = "broadcast", "broadcast push"
        REVOKE = "revoke", "revocation"

    class Source(models.TextChoices):
        RPC = "rpc", "API (RPC)"
        REST = "rest", "API (REST)"
        CONSOLE = "console", "console"

    id = models.BigIntegerField("task ID", primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="tasks"
    )
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    delivery_type = models.SmallIntegerField(choices=DeliveryType.choices)
    source = models.CharField(max_length=8, choices=Source.choices)
    author = models.CharField(max_length=150, blank=True, help_text="AccessKey ID or operator.")
    content = models.JSONField(help_text="What the device gets as bData, less what differs by message.")
    options = models.JSONField(default=dict, blank=True, help_text="What vendor channels need beyond the content.")
    fingerprint = models.BinaryField(max_length=32, editable=False)
    expire_at = models.DateTimeField()
    created_at = models.DateTimeField()
    message_count = models.PositiveIntegerField(default=0)
    # Its own id where it has none.
    last_message_id = models.BigIntegerField("last message ID", editable=False)
    success_count = models.PositiveIntegerField(default=0)
    arrival_count = models.PositiveIntegerField(default=0)
    expired_count = models.PositiveIntegerField(default=0)
    last_outcome_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "push task"
        indexes = [
            models.Index(fields=["workspace", "-id"], name="pushcore_task_recent"),
            # Tasks are walked in the order their validity ends: see `pushcore.delivery.expiry`.
            models.Index(fields=["expire_at", "id"], name="pushcore_task_expiry"),
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
        """The task's messages."""
        return Message.objects.filter(task=self, pk__range=self.message_ids)


class Message(models.Model):
    """One message to one target on one device. Partitioned by id, a partition a day (`pushcore.storage.partitions`).

    The table carries no foreign keys in the database: partitions are dropped whole, rows arrive by the hundred
    thousand, and every writer takes its ids from rows it has just read.
    """

    id = models.BigIntegerField("message ID", primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    task = models.ForeignKey(
        PushTask, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="messages"
    )
    delivery_type = models.SmallIntegerField("push type", choices=DeliveryType.choices)
    target = models.CharField("target ID", max_length=512)
    msgkey = models.CharField("customer message ID", max_length=64)
    device = models.ForeignKey(
        Device, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, blank=True
    )
    status = models.IntegerField(default=statuses.WAITING)
    channel = ChannelField(default=Channel.SELF_BUILT)
    override = models.JSONField(null=True, blank=True, help_text="What of the content is this message's own.")
    expire_at = models.DateTimeField("expiry time")
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="Written to a connection that ended unacknowledged."
    )
    arrived_at = models.DateTimeField(null=True, blank=True, help_text="When it was known to be on the device.")
    updated_at = models.DateTimeField("modification time")

    class Meta:
        ordering = ["-id"]
        indexes = [
            # No column that an outcome changes is in an index: see `pushcore.delivery.pending_cursor`.
            models.Index(fields=["device", "id"], name="pushcore_msg_device"),
            models.Index(fields=["workspace", "target", "id"], name="pushcore_msg_target"),
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

    @property
    def is_expired(self) -> bool:
        """Tell the same as `has_expired` of this message."""
        if self.status == statuses.EXPIRED:
            return True
        return self.status in statuses.PENDING and self.expire_at <= clock.now()

    @property
    def status_entry(self) -> statuses.Status:
        """Name and meaning of the status on the message's channel."""
        return statuses.lookup(self.status, Channel(self.channel).label)


class MessageKey(models.Model):
    """Claims (workspace, target, msgkey) for 24 hours, so that a repeated request delivers nothing twice.

    `digest` is a 128-bit BLAKE2b of the three, kept as a UUID. Partitioned by `day`; in the database both are the key
    (`pushcore.push.idempotency` tells how a claim holds across midnight).
    """

    digest = models.UUIDField(primary_key=True)
    day = models.DateField()
    task_id = models.BigIntegerField()
    claimed_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.digest)
