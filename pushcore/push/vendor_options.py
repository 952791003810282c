"""What a push asks of vendors' channels: the parameters only they read, the values these take, and their limits.

Names and codes are the cloud's (help.aliyun.com, documents 2871125 "Simple push", 436435 and 2835878 "Vendor message
classification"); vendors' own names are taken as they are. Which values a vendor takes is in its description
(`pushcore.channels.ChannelDescription`). What no vendor could follow is refused when the push is accepted, so that
adapters look values up and never doubt them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pushcore.channels import Channel, ChannelDescription, third_channel_named, third_channels
from pushcore.codes.results import ResultCode, ResultError

# Longest values, in characters. An Android notification channel's ID may have more, and nobody's has.
_LONGEST = {
    "channelId": 128,
    "miChannelId": 128,
    "vendorTemplate": 128,
    "apnsCategory": 128,
    "threadId": 128,
    "activityAttributesType": 128,
}

# Bytes as they travel: what the vendors' 4,096 leave beside their own fields.
MAX_TRANSPARENT_BYTES = 3_800
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_CATEGORY, _LEVEL = "thirdChannelCategory", "notifyLevel"
_TRANSPARENT, _URGENCY = "transparentMessagePayload", "transparentMessageUrgency"
URGENCIES = ("HIGH", "NORMAL")


def check(options: Mapping[str, Any]) -> None:
    """Check the options of a request before the push is accepted.

    Raises:
        ResultError: No vendor takes a value (INVALID_PARAM), or what is handed through is too long
            (MSG_PAYLOAD_TOO_LONG).
    """
    if not options:
        return
    for name, longest in _LONGEST.items():
        if len(str(options.get(name, ""))) > longest:
            raise _invalid(f"{name} is longer than {longest} characters")
    if _CATEGORY in options:
        _check_map(options, _CATEGORY, lambda description: description.categories)
    if _LEVEL in options:
        _check_map(options, _LEVEL, lambda description: description.levels)
    _check_transparent(options)
    for channel in third_channels():
        own_check = channel.description.check_options
        if own_check and (problem := own_check(options)):
            raise _invalid(problem)


def category(options: Mapping[str, Any], channel: Channel) -> str:
    """Return the message's category in the vendor's words, empty where none is asked for."""
    return channel.description.categories.get(_given(options, _CATEGORY, channel), "")


def level(options: Mapping[str, Any], channel: Channel) -> str:
    """Return how the vendor is asked to draw attention, in its words; empty where it is not."""
    return channel.description.levels.get(_given(options, _LEVEL, channel), "")


def transparent_payload(options: Mapping[str, Any], channel: int | None) -> str | dict[str, Any]:
    """Return what the vendor is to hand to the app without showing anything; empty for an ordinary message."""
    if _TRANSPARENT not in options or channel is None:
        return ""
    payload = _of_channel(options[_TRANSPARENT], channel)
    return payload if isinstance(payload, str | dict) else _encode(payload)


def as_text(payload: str | Mapping[str, Any]) -> str:
    """Return a `transparentMessagePayload` as most vendors carry it: one text."""
    return payload if isinstance(payload, str) else _encode(payload)


def transparent_channels(options: Mapping[str, Any]) -> frozenset[Channel]:
    """Return the vendors' channels that are given something of their own to hand through."""
    return frozenset(channel for channel in _pass_through() if transparent_payload(options, channel))


def urgency(options: Mapping[str, Any]) -> str:
    """Return HIGH or NORMAL, which is the default."""
    return str(options.get(_URGENCY) or "NORMAL").upper()


def counted(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that travel beside the content; what a vendor is to hand through goes instead of it."""
    return {name: value for name, value in options.items() if name != _TRANSPARENT}


def names(channel: int) -> tuple[str, str]:
    """Return a channel's names in maps by vendor: the one of analysis in lower case, and its own."""
    description = Channel(channel).description
    return description.analysis_name.lower(), description.name


def _pass_through() -> list[Channel]:
    """Return the vendors' channels that hand a message to the app without showing it."""
    return [channel for channel in third_channels() if channel.description.encode_transparent]


def _of_channel(by_vendor: Mapping[str, Any], channel: int) -> Any:
    """Return the value that a map by vendor has for the channel, empty where it has none."""
    return next((value for name, value in by_vendor.items() if third_channel_named(name) == channel), "")


def _given(options: Mapping[str, Any], parameter: str, channel: Channel) -> str:
    by_vendor = options.get(parameter)
    return str(_of_channel(by_vendor, channel)) if isinstance(by_vendor, Mapping) else ""


def _check_map(
    options: Mapping[str, Any], parameter: str, table: Callable[[ChannelDescription], Mapping[str, str]]
) -> None:
    by_vendor = options.get(parameter) or {}
    for name, channel in _channels(parameter, by_vendor, table).items():
        values = table(channel.description)
        if by_vendor[name] not in values:
            raise _invalid(f"{parameter}: {name} takes {', '.join(values)}")


def _channels(
    parameter: str, given: Iterable[str], takes: Callable[[ChannelDescription], object]
) -> dict[str, Channel]:
    """Return the channels that a map names, by their names in it.

    Raises:
        ResultError: A name is of no channel that takes the parameter, or a channel is named twice, in two spellings.
    """
    by_name: dict[str, Channel] = {}
    for name in given:
        channel = third_channel_named(name)
        if channel is None or not takes(channel.description):
            known = sorted(one.analysis_name.lower() for one in third_channels() if takes(one.description))
            raise _invalid(f"{parameter} is for {', '.join(known)}, not {name[:50]!r}")
        if channel in by_name.values():
            raise _invalid(f"{parameter}: {name} is named twice, in two spellings")
        by_name[name] = channel
    return by_name


def _check_transparent(options: Mapping[str, Any]) -> None:
    by_vendor = options.get(_TRANSPARENT) or {}
    for name, channel in _channels(_TRANSPARENT, by_vendor, lambda one: one.encode_transparent).items():
        payload, encode = transparent_payload(options, channel), channel.description.encode_transparent
        assert encode is not None
        # Within the body's JSON: of an object that is carried as one text, each quote is escaped.
        if len(_encode(encode(payload)).encode()) > MAX_TRANSPARENT_BYTES:
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


def _invalid(problem: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, problem)
