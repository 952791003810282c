"""Broadcast: a push task that goes to every device of a platform without a row for each."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.channels import Platform
from pushcore.models.apps import Workspace
from pushcore.models.devices import Device
from pushcore.models.pushes import PushTask


class Broadcast(models.Model):
    """What a broadcast task is sent to, and how far it has come.

    Devices know it by the task's id (`k`). Gateways send it to their sessions while it is valid. Devices that a vendor
    reaches are walked in the order of their ids and get message rows; `walked_to` is the checkpoint.
    """

    task = models.OneToOneField(
        PushTask, on_delete=models.CASCADE, db_constraint=False, primary_key=True, related_name="broadcast"
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    platform = models.SmallIntegerField(choices=Platform.choices)
    msgkey = models.CharField(_("customer message ID"), max_length=64)
    self_built = models.BooleanField(help_text=_("Goes to devices connected to a gateway."))
    per_device = models.BooleanField(
        default=False, help_text=_("Each device gets a message of its own, whatever reaches it.")
    )
    vendor_channels = models.JSONField(default=list, help_text=_("Channels whose devices are reached there instead."))
    bound = models.JSONField(null=True, help_text=_("When a device's user was bound: [from, to], ISO 8601; null: any."))
    unbound = models.JSONField(null=True, help_text=_("When a device's last user was unbound; null: not asked for."))
    expire_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    reached = models.PositiveIntegerField(default=0, help_text=_("Devices that acknowledged it themselves."))
    walked_to = models.BigIntegerField(default=0)
    walked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.task_id)


class BroadcastCursor(models.Model):
    """The broadcast up to which a device has acknowledged everything that was meant for it.

    The cursor is a table of its own because it changes often and the device's row does not.
    """

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="cursor")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.device_id} at {self.position}"
