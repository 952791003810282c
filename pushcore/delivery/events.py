"""Events that devices report of messages: arrived, opened, ignored. Checked here, kept by the registered sinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.registry import KnownDevice
from pushcore.ports import DeviceEvent, event_sinks
from pushcore.storage import clock, ids

EVENTS = frozenset({"arrived", "opened", "ignored"})
MAX_EVENTS = 100


def parse_events(device: KnownDevice, payload: object) -> list[DeviceEvent]:
    """Read what a device reports.

    Args:
        device: The device.
        payload: A list of `{"k": message id, "event": name, "at": milliseconds since 1970}`; `at` is now where it is
            absent or in the future.

    Raises:
        ResultError: The first fault (INVALID_PARAM); nothing is taken from a faulty list.
    """
    if not isinstance(payload, list) or not payload:
        raise ResultError(ResultCode.INVALID_PARAM, "a list of events is expected")
    if len(payload) > MAX_EVENTS:
        raise ResultError(ResultCode.INVALID_PARAM, f"more than {MAX_EVENTS} events")
    return [_parse(device, position, entry) for position, entry in enumerate(payload)]


def _parse(device: KnownDevice, position: int, entry: object) -> DeviceEvent:
    if not isinstance(entry, dict):
        raise ResultError(ResultCode.INVALID_PARAM, f"event {position} is not an object")
    kind = entry.get("event")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise ResultError(ResultCode.INVALID_PARAM, f"event {position}: event is one of arrived, opened, ignored")
    key = entry.get("k")
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ResultError(ResultCode.INVALID_PARAM, f"event {position}: k is a message ID")
    message_id = ids.parse(str(key))
    if not message_id:
        raise ResultError(ResultCode.INVALID_PARAM, f"event {position}: k is a message ID")
    return DeviceEvent(device.workspace_id, device.id, message_id, kind, _moment(entry.get("at")))


def _moment(at: object) -> datetime:
    now = clock.now()
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at < 1e14:
        return now
    return min(datetime.fromtimestamp(at / 1000, tz=UTC), now)


def publish(events: Sequence[DeviceEvent]) -> None:
    """Give events to every registered sink (analytics keeps them)."""
    for sink in event_sinks():
        sink(events)
