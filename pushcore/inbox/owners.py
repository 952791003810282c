"""Whose inbox is read: a device's own with that of its bound user, or a user's alone."""

from __future__ import annotations

from dataclasses import dataclass

from pushcore.models import Binding


@dataclass(frozen=True, slots=True)
class InboxOwner:
    """A device, a user, or a device with its bound user. At least one of the two is there."""

    workspace_id: int
    device_id: int | None = None
    user_id: str | None = None

    @property
    def of_device(self) -> str:
        """The name that marks of the device's own messages have."""
        return f"device:{self.device_id}"

    @property
    def of_user(self) -> str:
        """The name that marks of the user's messages have."""
        return f"user:{self.user_id}"


def of_device(workspace_id: int, device_id: int) -> InboxOwner:
    """Return a device with the user that is bound to it. One query."""
    bound = Binding.objects.filter(device=device_id, unbound_at__isnull=True).values_list("user_id", flat=True)
    return InboxOwner(workspace_id, device_id, bound.first())
