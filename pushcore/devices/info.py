"""What a device says of itself when it registers, connects or reports: parsed, cleaned and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.capabilities import parse_capabilities
from pushcore.devices.region import parse_country, parse_language, parse_time_zone
from pushcore.devices.tokens import NO_THIRD_PARTY, ThirdParty, check_third_party

# `harmony` is a former spelling, still accepted.
_PLATFORM_NAMES = {platform.api_name: platform for platform in Platform} | {"harmony": Platform.HARMONYOS}


def _cut_to(width: int) -> Callable[[str], str]:
    return lambda text: text[:width]


# The descriptive fields: name on the wire, name of the column, what is kept of the text.
INFO_FIELDS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("manufacturer", "manufacturer", _cut_to(64)),
    ("model", "model", _cut_to(128)),
    ("osVersion", "os_version", _cut_to(64)),
    ("appVersion", "app_version", _cut_to(64)),
    ("timeZone", "time_zone", parse_time_zone),
    ("language", "language", parse_language),
    ("country", "country", parse_country),
)
# The columns that a device describes itself in.
INFO_COLUMNS = (*(column for _, column, _ in INFO_FIELDS), "capabilities")
# Control characters, lone surrogates, and characters that reverse or break a line of text (Unicode, UAX 9).
_UNSTORABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device says it is, and its token at a vendor's channel if it has one.

    `third_channel` is a `pushcore.channels.Channel`; None beside a token means APNs.
    """

    platform: Platform = Platform.ANDROID
    manufacturer: str = ""
    model: str = ""
    os_version: str = ""
    app_version: str = ""
    time_zone: str = ""
    language: str = ""
    country: str = ""
    capabilities: str = ""
    third_token: str = ""
    third_channel: int | None = None

    @property
    def channel(self) -> int | None:
        """Return the vendor's channel the token is for, None without a token."""
        return (self.third_channel or Channel.APNS) if self.third_token else None

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> DeviceInfo:
        """Read the fields of a registration; other keys are ignored.

        Fields: platform, those of `INFO_FIELDS`, capabilities, and a token as `token` (iOS: of APNs) or as
        `thirdChannel` with `thirdChannelDeviceToken`. Text loses its control characters and is cut to its column.

        Raises:
            ResultError: OS_TYPE_NOT_SUPPORTED for an unknown platform, INVALID_PARAM for a value that is no text, and
                what `check_third_party` raises.
        """
        platform = parse_platform(given.get("platform", Platform.ANDROID))
        third_party = _third_party_of(platform, given)
        return cls(
            platform=platform,
            third_token=third_party.token,
            third_channel=third_party.channel,
            **parse_info(given),
        )


def parse_info(given: Mapping[str, object]) -> dict[str, str]:
    """Read the fields of `INFO_FIELDS`, and capabilities, from a request.

    Returns:
        Values by column name; empty text for a field that is absent.

    Raises:
        ResultError: INVALID_PARAM for a value that is no text, and what `parse_capabilities` raises.
    """
    texts = {column: kept(_text_of(given, name)) for name, column, kept in INFO_FIELDS}
    return texts | {"capabilities": parse_capabilities(given.get("capabilities"))}


def _text_of(given: Mapping[str, object], name: str) -> str:
    value = given.get(name, "")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is not text")
    return _UNSTORABLE.sub("", str(value)).strip()


def _third_party_of(platform: Platform, given: Mapping[str, object]) -> ThirdParty:
    """Read the token at a vendor's channel that a registration carries, if any."""
    third_channel, third_token = third_party_fields(given)
    if third_channel is None and not third_token:
        token = given.get("token") or ""
        if not token:
            return NO_THIRD_PARTY
        if platform != Platform.IOS or not isinstance(token, str):
            raise ResultError(
                ResultCode.INVALID_PARAM,
                "token is an iOS device's APNs token; others name thirdChannel and thirdChannelDeviceToken",
            )
        third_channel, third_token = Channel.APNS, token
    return check_third_party(platform, third_channel, third_token)


def third_party_fields(given: Mapping[str, object]) -> tuple[int | None, str]:
    """Read `thirdChannel` and `thirdChannelDeviceToken`; None and empty text where they are absent.

    Raises:
        ResultError: INVALID_PARAM for a channel that is no number or a token that is no text.
    """
    channel, token = given.get("thirdChannel"), given.get("thirdChannelDeviceToken")
    if token is not None and not isinstance(token, str):
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannelDeviceToken is not text")
    if channel in (None, ""):
        return None, token or ""
    digits = str(channel) if isinstance(channel, str | int) and not isinstance(channel, bool) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise ResultError(ResultCode.INVALID_PARAM, "thirdChannel is not a number")
    return int(digits), token or ""


def parse_platform(given: object) -> Platform:
    """Read a platform given by name or number.

    Raises:
        ResultError: OS_TYPE_NOT_SUPPORTED.
    """
    if isinstance(given, str) and given.lower() in _PLATFORM_NAMES:
        return _PLATFORM_NAMES[given.lower()]
    try:
        # Of texts digits only: Python reads more as numbers (`1_0`, other scripts' digits).
        is_number = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 9
        return Platform(int(given) if is_number else given)  # type: ignore[arg-type,call-overload]
    except ValueError:
        raise ResultError(ResultCode.OS_TYPE_NOT_SUPPORTED) from None
