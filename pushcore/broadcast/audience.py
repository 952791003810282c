"""Whom a broadcast is for: a platform, the channels that carry it, and at what time users were bound or unbound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Broadcast, Workspace
from pushcore.ports import vendor_channels
from pushcore.push import limits
from pushcore.push.requests import BroadcastPush
from pushcore.push.vendor_options import transparent_channels
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# `bindPeriod` and `unBindPeriod` of the API; `pushStatus`.
PERIODS = {1: timedelta(days=7), 2: timedelta(days=15), 3: timedelta(days=60), 4: None}
BOUND, ALL, UNBOUND = 0, 1, 2

# From and to; None is an open end.
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Audience:
    """The devices that a broadcast is for.

    Attributes:
        msgkey: The broadcast's msgkey.
        self_built: Whether devices get it on the self-built channel.
        vendor_channels: The vendors' channels that carry it.
        bound: When the devices' users were bound; None where that does not matter.
        unbound: When the last users of devices that have none now were unbound; None where such devices get nothing.
        per_device: Whether each device there is gets a message row of its own, whatever reaches it.
    """

    msgkey: str
    platform: Platform
    self_built: bool
    vendor_channels: tuple[int, ...]
    bound: Window | None
    unbound: Window | None
    per_device: bool = False

    @property
    def is_walked(self) -> bool:
        """Whether its devices, or some of them, get a message row each."""
        return self.per_device or bool(self.vendor_channels)

    def with_message_each(self) -> Audience:
        """Return the same devices, each of which gets a message row, so that what is asked of devices decides."""
        return replace(self, self_built=False, per_device=True) if self.self_built else self


def audience_of(workspace: Workspace, request: BroadcastPush, *, silent: bool) -> Audience:
    """Return whom a request means; its limits have been checked.

    Where a time of binding is asked for, it counts on every channel. Without one, the self-built channel reaches
    whoever connects; it knows no logged-out users, and takes part only where the push status is the default.

    Raises:
        ResultError: No channel is left (BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID).
    """
    now = clock.now()
    self_built = request.delivery_type != Platform.IOS and request.push_status == BOUND
    if request.delivery_type == Platform.IOS:
        vendors: tuple[int, ...] = (Channel.APNS,)
    else:
        vendors = tuple(sorted(vendor_channels(workspace.pk) - {Channel.APNS} - _passed_by(request, silent=silent)))
    if not self_built and not vendors:
        raise ResultError(ResultCode.BROADCAST_ALL_USER_NOT_SUPPORT_SELFCHANNEL_ANDROID)
    wants_bound, wants_unbound = request.push_status in (BOUND, ALL), request.push_status in (ALL, UNBOUND)
    by_login = request.delivery_type == Platform.IOS or not self_built or request.bind_period or request.bind_window
    return Audience(
        msgkey=request.msgkey,
        platform=Platform(request.delivery_type),
        self_built=self_built,
        vendor_channels=vendors,
        bound=_window(request.bind_window, request.bind_period, request.time_mode, now)
        if wants_bound and by_login
        else None,
        unbound=_window(request.unbind_window, request.unbind_period, request.time_mode, now)
        if wants_unbound
        else None,
    )


def _passed_by(request: BroadcastPush, *, silent: bool) -> frozenset[Channel]:
    """Return vendors' channels that do not carry the broadcast.

    All, where it is for the self-built channel alone; of a silent one those that have nothing to hand through.
    """
    if request.android_channel == 1 or request.notify_type == limits.SELF_BUILT_ONLY:
        return frozenset(Channel)
    return frozenset(Channel) - transparent_channels(request.vendor_options) if silent else frozenset()


def _window(window: tuple[datetime, datetime] | None, period: int | None, time_mode: int, now: datetime) -> Window:
    if window is not None and (time_mode or period is None):
        return window
    length = PERIODS[period] if period is not None else None
    return (now - length if length else None, None)


def condition(workspace_id: int, audience: Audience) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition that a device (`d`) is of the audience, and its parameters."""
    if not audience.self_built:
        return behind_vendors(workspace_id, audience)
    parameters = {"workspace": workspace_id, "platform": audience.platform, **_windows(audience)}
    conditions = [_SQL["of_platform"], *([_SQL["bound"]] if audience.bound is not None else [])]
    return " AND ".join(conditions), parameters


def behind_vendors(workspace_id: int, audience: Audience | Broadcast) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition that a device (`d`) is of the audience and gets a message row, and its parameters.

    Those are the devices that a vendor reaches, or all.
    """
    windows = ((audience.bound, _SQL["bound"]), (audience.unbound, _SQL["unbound"]))
    logins = [login for window, login in windows if window is not None]
    parameters = {
        "workspace": workspace_id,
        "platform": audience.platform,
        "vendors": list(audience.vendor_channels),
        **_windows(audience),
    }
    devices = _SQL["with_message_each" if audience.per_device else "behind_vendors"]
    return devices + (f" AND ({' OR '.join(logins)})" if logins else ""), parameters


def _windows(audience: Audience | Broadcast) -> dict[str, Any]:
    """Return the ends of an audience's windows, as the conditions `bound` and `unbound` name them."""
    bound_from, bound_to = audience.bound or (None, None)
    unbound_from, unbound_to = audience.unbound or (None, None)
    return {
        "bound_from": bound_from,
        "bound_to": bound_to,
        "unbound_from": unbound_from,
        "unbound_to": unbound_to,
    }
