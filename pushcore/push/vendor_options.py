"""What a push asks of vendors' channels: parameters that only they read, the values these take, and their limits.

Names and codes are the cloud's (help.aliyun.com, documents 2871125 "Simple push", 436435 and 2835878 "Vendor message
classification"); vendors' own names are taken as they are. What no vendor could follow is refused when the push is
accepted, so that adapters look values up and never doubt them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pushcore.channels import ANALYSIS_NAMES, Channel
from pushcore.codes.results import ResultCode, ResultError

# A channel as maps by vendor name it: as analysis does (hms, miui), or by its own name (huawei, xiaomi).
_NAMES: dict[str, Channel] = {
    name: channel
    for channel in Channel
    if channel != Channel.SELF_BUILT
    for name in (ANALYSIS_NAMES[channel].lower(), channel.label)
}

# Longest values, in characters. An Android notification channel's ID may have more, and nobody's has.
_LONGEST = {
    "channelId": 128,
    "miChannelId": 128,
    "vendorTemplate": 128,
    "apnsCategory": 128,
    "threadId": 128,
    "activityAttributesType": 128,
}


def _by_code(*names: str) -> dict[str, str]:
    """Map the cloud's codes, "1" and on, to vendors' names, and these to themselves."""
    return {str(code): name for code, name in enumerate(names, 1)} | {name: name for name in names}


def _as_named(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_SYSTEM = ("IM", "ACCOUNT", "TODO", "DEVICE_REMINDER", "ORDER", "SUBSCRIPTION")
_OPERATIONAL = ("NEWS", "CONTENT", "MARKETING", "SOCIAL")
# Of pass-through messages only.
_PLAY_VOICE = "PLAY_VOICE"

# `thirdChannelCategory`: what is given to what the vendor is told.
_CATEGORIES: dict[Channel, dict[str, str]] = {
    Channel.HUAWEI: _by_code(
        "IM", "VOIP", "SUBSCRIPTION", "TRAVEL", "HEALTH", "WORK", "ACCOUNT", "EXPRESS", "FINANCE", "DEVICE_REMINDER",
        "SYSTEM_REMINDER", "MAIL", _PLAY_VOICE, "MARKETING",
    ),
    Channel.HARMONYOS: _by_code(
        "IM", "VOIP", "SUBSCRIPTION", "TRAVEL", "HEALTH", "WORK", "ACCOUNT", "EXPRESS", "FINANCE", "DEVICE_REMINDER",
        "MAIL", "CUSTOMER_SERVICE", "MARKETING",
    ) | _as_named("MISS_CALL"),
    # OPPO and vivo name them alike (open.oppomobile.com 13189; dev.vivo.com.cn 359).
    Channel.OPPO: _as_named(*_SYSTEM, *_OPERATIONAL),
    Channel.VIVO: _as_named(*_SYSTEM, *_OPERATIONAL),
    # HONOR's importance: marketing, or service and communication.
    Channel.HONOR: _as_named("LOW", "NORMAL"),
}  # fmt: skip

# `notifyLevel`: Huawei's importance; OPPO's notice in the drawer, on the lock screen too, or with banner, sound and
# vibration.
_LEVELS: dict[Channel, dict[str, str]] = {
    Channel.HUAWEI: _by_code("LOW", "NORMAL"),
    Channel.OPPO: _as_named("1", "2", "16"),
}

# vivo's `classification`: operational, system.
_CLASSIFICATIONS = {"0": _OPERATIONAL, "1": _SYSTEM}

# Vendors that hand a message to the app without showing it.
PASS_THROUGH = frozenset({Channel.HUAWEI, Channel.HONOR, Channel.FCM, Channel.HARMONYOS})
# Bytes as they travel: what the vendors' 4,096 leave beside their own fields.
MAX_TRANSPARENT_BYTES = 3_800
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TRANSPARENT, _URGENCY = "transparentMessagePayload", "transparentMessageUrgency"
URGENCIES = ("HIGH", "NORMAL")


def check(options: Mapping[str, Any]) -> None:
    """Check the options.

    Raises:
        ResultError: The first value that no vendor takes (INVALID_PARAM, or MSG_PAYLOAD_TOO_LONG).
    """
    for name, longest in _LONGEST.items():
        if len(str(options.get(name, ""))) > longest:
            raise _invalid(f"{name} is longer than {longest} characters")
    _check_map(options, "thirdChannelCategory", _CATEGORIES)
    _check_map(options, "notifyLevel", _LEVELS)
    if level(options, Channel.OPPO) and not category(options, Channel.OPPO):
        raise _invalid("notifyLevel of oppo needs its thirdChannelCategory")
    _check_classification(options)
    _check_transparent(options)


def category(options: Mapping[str, Any], channel: Channel) -> str:
    """Return the message's category as the vendor names it; empty where none is asked for."""
    return _looked_up(options, "thirdChannelCategory", _CATEGORIES, channel)


def level(options: Mapping[str, Any], channel: Channel) -> str:
    """Return how the vendor is asked to draw attention, as it names it; empty where it is not."""
    return _looked_up(options, "notifyLevel", _LEVELS, channel)


def transparent_payload(options: Mapping[str, Any], channel: int | None) -> str | dict[str, Any]:
    """Return what the vendor hands to the app without showing it; empty where the message is an ordinary one."""
    if _TRANSPARENT not in options:
        return ""
    found = next((value for name, value in options[_TRANSPARENT].items() if _NAMES.get(name) == channel), "")
    return found if isinstance(found, str | dict) else _encode(found)


def as_text(payload: str | Mapping[str, Any]) -> str:
    """Return a transparent payload as Huawei, HONOR and HarmonyOS carry it: one text."""
    return payload if isinstance(payload, str) else _encode(payload)


def as_texts(payload: str | Mapping[str, Any]) -> dict[str, str]:
    """Return a transparent payload as FCM carries it: texts by name. A text that is no JSON object is named `data`."""
    if isinstance(payload, str):
        payload = _object(payload) or {"data": payload}
    return {name: value if isinstance(value, str) else _encode(value) for name, value in payload.items()}


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object that the text is; empty where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def transparent_channels(options: Mapping[str, Any]) -> frozenset[Channel]:
    """Return the vendors' channels that are given a transparent payload."""
    return frozenset(channel for channel in PASS_THROUGH if transparent_payload(options, channel))


def urgency(options: Mapping[str, Any]) -> str:
    """Return the urgency of a transparent payload: HIGH or NORMAL, which is the default."""
    return str(options.get(_URGENCY) or "NORMAL").upper()


def counted(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that travel beside the content; a transparent payload goes instead of it."""
    return {name: value for name, value in options.items() if name != _TRANSPARENT}


def _looked_up(
    options: Mapping[str, Any], parameter: str, values: Mapping[Channel, Mapping[str, str]], channel: Channel
) -> str:
    given = options.get(parameter)
    if not isinstance(given, Mapping):
        return ""
    found = next((value for name, value in given.items() if _NAMES.get(name) == channel), "")
    return values[channel].get(str(found), "")


def _check_map(options: Mapping[str, Any], parameter: str, values: Mapping[Channel, Mapping[str, str]]) -> None:
    given = options.get(parameter) or {}
    for name, channel in _channels(parameter, given, values).items():
        if given[name] not in values[channel]:
            raise _invalid(f"{parameter}: {name} takes {', '.join(values[channel])}")


def _channels(parameter: str, given: Iterable[str], of: Iterable[Channel]) -> dict[str, Channel]:
    """Return the channels that a map names, by their names in it.

    Raises:
        ResultError: One is none of these, or is named twice, in two spellings (INVALID_PARAM).
    """
    found: dict[str, Channel] = {}
    for name in given:
        channel = _NAMES.get(name)
        if channel is None or channel not in of:
            known = ", ".join(sorted(ANALYSIS_NAMES[one].lower() for one in of))
            raise _invalid(f"{parameter} is for {known}, not {name[:50]!r}")
        if channel in found.values():
            raise _invalid(f"{parameter}: {name} is named twice, in two spellings")
        found[name] = channel
    return found


def _check_classification(options: Mapping[str, Any]) -> None:
    given = str(options.get("classification", ""))
    if given and given not in _CLASSIFICATIONS:
        raise _invalid("classification is one of 0, 1")
    of_vivo = category(options, Channel.VIVO)
    if given and of_vivo and of_vivo not in _CLASSIFICATIONS[given]:
        # vivo refuses it for each device (10097).
        raise _invalid(f"classification {given} has no category {of_vivo} at vivo")


def _check_transparent(options: Mapping[str, Any]) -> None:
    for name, channel in _channels(_TRANSPARENT, options.get(_TRANSPARENT) or {}, PASS_THROUGH).items():
        payload = transparent_payload(options, channel)
        # Within the body's JSON: of an object that is carried as one text, each quote is escaped.
        carried = as_texts(payload) if channel is Channel.FCM else as_text(payload)
        if len(_encode(carried).encode()) > MAX_TRANSPARENT_BYTES:
            raise ResultError(
                ResultCode.MSG_PAYLOAD_TOO_LONG, f"{_TRANSPARENT}: {name} has at most {MAX_TRANSPARENT_BYTES} bytes"
            )
        if not payload:
            raise _invalid(f"{_TRANSPARENT}: {name} is empty")
    if _URGENCY in options:
        if urgency(options) not in URGENCIES:
            raise _invalid(f"{_URGENCY} is one of {', '.join(URGENCIES)}")
        if _TRANSPARENT not in options:
            raise _invalid(f"{_URGENCY} needs {_TRANSPARENT}")
    if category(options, Channel.HUAWEI) == _PLAY_VOICE and not transparent_payload(options, Channel.HUAWEI):
        raise _invalid(f"thirdChannelCategory: {_PLAY_VOICE} is for messages handed through ({_TRANSPARENT})")


def _invalid(words: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, words)
