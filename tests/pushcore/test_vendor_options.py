"""Options of a push for vendors' channels, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.channels import Channel
from pushcore.codes.results import ResultCode, ResultError
from pushcore.push import vendor_options

IN_HAND = {"transparentMessagePayload": {"hms": "x"}}


@pytest.mark.parametrize(
    ("given", "channel", "sent"),
    [
        ({"hms": "9"}, Channel.HUAWEI, "FINANCE"),
        ({"huawei": "FINANCE"}, Channel.HUAWEI, "FINANCE"),
        ({"hms": "14"}, Channel.HUAWEI, "MARKETING"),
        ({"hms": "12"}, Channel.HUAWEI, "MAIL"),
        ({"harmonyos": "9"}, Channel.HARMONYOS, "FINANCE"),
        ({"harmonyos": "12"}, Channel.HARMONYOS, "CUSTOMER_SERVICE"),
        ({"harmonyos": "MISS_CALL"}, Channel.HARMONYOS, "MISS_CALL"),
        ({"oppo": "ORDER", "vivo": "NEWS"}, Channel.OPPO, "ORDER"),
        ({"oppo": "ORDER", "vivo": "NEWS"}, Channel.VIVO, "NEWS"),
        ({"honor": "LOW"}, Channel.HONOR, "LOW"),
        ({"honor": "LOW"}, Channel.HUAWEI, ""),
    ],
)
def test_a_category_becomes_the_vendors_name(given: dict[str, str], channel: Channel, sent: str) -> None:
    options = {"thirdChannelCategory": given}
    vendor_options.check(options)
    assert vendor_options.category(options, channel) == sent


@pytest.mark.parametrize(("given", "sent"), [("1", "LOW"), ("2", "NORMAL"), ("LOW", "LOW")])
def test_huaweis_level_becomes_its_importance(given: str, sent: str) -> None:
    options = {"notifyLevel": {"hms": given}}
    vendor_options.check(options)
    assert vendor_options.level(options, Channel.HUAWEI) == sent


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"thirdChannelCategory": {"hms": "99"}}, "thirdChannelCategory: hms takes"),
        ({"thirdChannelCategory": {"hms": "finance"}}, "thirdChannelCategory: hms takes"),
        ({"thirdChannelCategory": {"nokia": "IM"}}, "not 'nokia'"),
        ({"thirdChannelCategory": {"fcm": "IM"}}, "not 'fcm'"),
        ({"thirdChannelCategory": {"vivo": "9"}}, "vivo takes"),
        ({"thirdChannelCategory": {"hms": "PLAY_VOICE"}}, "PLAY_VOICE"),
        ({"notifyLevel": {"hms": "3"}}, "notifyLevel: hms takes"),
        ({"notifyLevel": {"vivo": "1"}}, "notifyLevel is for hms, oppo"),
        ({"notifyLevel": {"oppo": "2"}}, "needs its thirdChannelCategory"),
        ({"notifyLevel": {"hms": "1", "huawei": "2"}}, "huawei is named twice"),
        ({"thirdChannelCategory": {"huawei": "IM", "hms": "IM"}}, "hms is named twice"),
        ({"transparentMessagePayload": {"hms": "a", "huawei": "b"}}, "huawei is named twice"),
        ({"classification": "2"}, "classification is one of 0, 1"),
        ({"classification": "1", "thirdChannelCategory": {"vivo": "NEWS"}}, "no category NEWS"),
        ({"transparentMessagePayload": {"oppo": "x"}}, "not 'oppo'"),
        ({"transparentMessagePayload": {"hms": ""}}, "hms is empty"),
        ({"transparentMessageUrgency": "HIGH"}, "needs transparentMessagePayload"),
        (IN_HAND | {"transparentMessageUrgency": "SOON"}, "one of HIGH, NORMAL"),
        ({"channelId": "x" * 129}, "channelId is longer"),
        ({"channelId": "x" * 1_000_000}, "channelId is longer"),
        ({"miChannelId": "1" * 129}, "miChannelId is longer"),
        ({"vendorTemplate": "x" * 129}, "vendorTemplate is longer"),
        ({"threadId": "x" * 129}, "threadId is longer"),
        ({"apnsCategory": "x" * 129}, "apnsCategory is longer"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_option_that_no_vendor_supports_is_refused_by_name(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ResultError) as refused:
        vendor_options.check(options)
    assert refused.value.result is ResultCode.INVALID_PARAM
    assert reason in refused.value.message


@pytest.mark.parametrize(
    "options",
    [
        {"classification": "0", "thirdChannelCategory": {"vivo": "NEWS"}},
        {"classification": "1"},
        {"notifyLevel": {"oppo": "16"}, "thirdChannelCategory": {"oppo": "IM"}},
        IN_HAND | {"thirdChannelCategory": {"hms": "13"}, "transparentMessageUrgency": "high"},
        {"channelId": "x" * 128},
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_option_that_a_vendor_supports_is_accepted(options: dict[str, Any]) -> None:
    vendor_options.check(options)


def test_a_transparent_payload_is_limited_by_its_own_bytes() -> None:
    room = vendor_options.MAX_TRANSPARENT_BYTES - len('""')
    vendor_options.check({"transparentMessagePayload": {"hms": "x" * room, "fcm": {"": "x" * (room - len('{"":}'))}}})
    with pytest.raises(ResultError) as refused:
        vendor_options.check({"transparentMessagePayload": {"hms": "长" * room}})
    assert refused.value.result is ResultCode.MSG_PAYLOAD_TOO_LONG


@pytest.mark.parametrize("channel", ["hms", "honor", "harmonyos", "fcm"])
def test_a_transparent_payload_counts_as_it_is_sent(channel: str) -> None:
    """It is one text in the body's JSON; FCM takes names and texts instead, whose quotes count twice."""
    payload: dict[str, Any] = {f"k{number:03}": "v" for number in range(270)}
    vendor_options.check({"transparentMessagePayload": {"fcm": payload}})
    payload = {"all": payload} if channel == "fcm" else payload
    with pytest.raises(ResultError) as refused:
        vendor_options.check({"transparentMessagePayload": {channel: payload}})
    assert refused.value.result is ResultCode.MSG_PAYLOAD_TOO_LONG


def test_only_the_named_vendors_get_a_transparent_message() -> None:
    options = {"transparentMessagePayload": {"hms": "text", "fcm": {"a": 1}, "honor": 7}}
    assert vendor_options.transparent_channels(options) == {Channel.HUAWEI, Channel.FCM, Channel.HONOR}
    assert vendor_options.transparent_payload(options, Channel.FCM) == {"a": 1}
    assert vendor_options.transparent_payload(options, Channel.HONOR) == "7"
    assert vendor_options.transparent_payload(options, Channel.HARMONYOS) == ""
    assert vendor_options.transparent_payload({}, Channel.HUAWEI) == ""
