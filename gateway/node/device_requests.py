"""Serve requests of devices: bind, unbind, report, profile, inbox, event... Used by MQTT and by the HTTP twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import events
from pushcore.devices import client_requests, info, removal
from pushcore.devices.registry import KnownDevice
from pushcore.inbound import decoding
from pushcore.inbox import owners, requests
from pushcore.models import Device
from pushcore.storage.outages import Unavailable, log_outage

log = structlog.get_logger(__name__)


def serve(device: KnownDevice, operation: str, raw: bytes, *, room: int = 0) -> dict[str, Any]:
    """Serve a request; return the answer `{"success", "code", "name", "message"}`, maybe `data`. Never raises.

    Args:
        device: Who asks.
        operation: The topic.
        raw: The payload.
        room: Bytes of the largest packet that the device takes; 0 for no limit of its own.
    """
    try:
        return carry_out(device, operation, raw, room=room)
    except Unavailable as error:
        log_outage(log, error, operation=operation)
        return answer(ResultCode.SYSTEM_ERROR, "temporarily unavailable; try again")


def carry_out(device: KnownDevice, operation: str, raw: bytes, *, room: int = 0) -> dict[str, Any]:
    """Serve a request as `serve` does; return its answer.

    Raises:
        Unavailable: The database or Valkey is unavailable; a later attempt may succeed.
    """
    try:
        data = OPERATIONS[operation](device, decoding.decode_json(raw, what="the payload"), room)
    except ResultError as error:
        return answer(error.result, error.message)
    except Device.DoesNotExist:
        return answer(ResultCode.DELIVERYTOKEN_INVALID, "this device has ended; register again")
    except Unavailable:
        raise
    except Exception:  # a fault of ours: the device gets the documented code, the log the traceback
        log.exception("device request failed", operation=operation)
        return answer(ResultCode.SYSTEM_ERROR)
    return answer(ResultCode.SUCCESS) | ({} if data is None else {"data": data})


def answer(result: ResultCode, message: str = "") -> dict[str, Any]:
    """Return the body of an answer."""
    return {
        "success": result is ResultCode.SUCCESS,
        "code": result.code,
        "name": result.name,
        "message": message or result.meaning,
    }


def _fields(device: KnownDevice, payload: Any) -> Mapping[str, Any]:
    if not isinstance(payload, dict):
        raise ResultError(ResultCode.INVALID_PARAM, "the payload is not a JSON object")
    for name in ("adToken", "deliveryToken", "token"):
        # A device speaks for itself only.
        if payload.get(name) not in (None, "", device.ad_token):
            raise ResultError(ResultCode.DELIVERYTOKEN_INVALID, f"{name} is not this device's own")
    return payload


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name, "")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is not text")
    return str(value)


def _bind(device: KnownDevice, payload: Any, _room: int) -> None:
    fields = _fields(device, payload)
    client_requests.bind(device.id, _text(fields, "userId"), _text(fields, "bindToken"))


def _unbind(device: KnownDevice, payload: Any, _room: int) -> None:
    client_requests.unbind(device.id, _text(_fields(device, payload), "userId"))


def _report(device: KnownDevice, payload: Any, _room: int) -> None:
    fields = _fields(device, payload)
    client_requests.report(device.id, *info.third_party_fields(fields), info.parse_info(fields))


def _profile(device: KnownDevice, payload: Any, _room: int) -> None:
    client_requests.update_profile(device, _fields(device, payload))


def _inbox(device: KnownDevice, payload: Any, room: int) -> dict[str, Any]:
    return requests.serve(owners.of_device(device.workspace_id, device.id), _fields(device, payload), room=room)


def _event(device: KnownDevice, payload: Any, _room: int) -> None:
    events.publish(events.parse_events(device, payload))


def _unregister(device: KnownDevice, payload: Any, _room: int) -> None:
    _fields(device, payload)
    removal.remove([device.id])


OPERATIONS: dict[str, Callable[[KnownDevice, Any, int], dict[str, Any] | None]] = {
    "mps/bind": _bind,
    "mps/unbind": _unbind,
    "mps/report": _report,
    "mps/profile": _profile,
    "mps/inbox": _inbox,
    "mps/event": _event,
    "mps/unregister": _unregister,
}
