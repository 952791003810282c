"""Packets as bytes: sizes, and text that is none found before the codec meets it."""

from __future__ import annotations

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import QoS

from gateway import packets

CONNECT = mqtt5.ConnectPacket(
    "TEXT",
    username="TEXT",
    password=b"\xff\xfe",
    keep_alive=60,
    session_expiry_interval=5,
    receive_max=9,
    topic_alias_max=3,
    max_packet_size=1000,
    request_problem_info=False,
    request_response_info=True,
    authentication_method="TEXT",
    authentication_data=b"\xff\xfe",
    will=mqtt5.Will(
        "TEXT",
        payload=b"\xff\xfe",
        will_delay_interval=7,
        content_type="TEXT",
        response_topic="TEXT",
        correlation_data=b"\xff",
        message_expiry_interval=4,
        payload_format_indicator=1,
    ),
    user_properties=[("TEXT", "TEXT")],
)
PUBLISH = mqtt5.PublishPacket(
    "TEXT",
    b"\xff\xfe",
    qos=QoS.AT_LEAST_ONCE,
    packet_id=0xFFFE,
    topic_alias=9,
    subscription_ids=[300],
    content_type="TEXT",
    response_topic="TEXT",
    correlation_data=b"\xff\xfe",
    message_expiry_interval=9,
    user_properties=[("TEXT", "TEXT")],
)
PUBACK = mqtt5.PubAckPacket(0xFFFE, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED, reason_str="TEXT")
SUBSCRIBE = mqtt5.SubscribePacket(
    0xFFFE, [mqtt5.TopicFilter("TEXT"), mqtt5.TopicFilter("TEXT")], user_properties=[("TEXT", "TEXT")]
)
UNSUBSCRIBE = mqtt5.UnsubscribePacket(0xFFFE, ["TEXT", "TEXT"])
ALL: list[mqtt5.Packet] = [
    CONNECT,
    PUBLISH,
    mqtt5.PublishPacket("TEXT", b"\xff"),
    PUBACK,
    mqtt5.PubAckPacket(1),
    SUBSCRIBE,
    UNSUBSCRIBE,
]


@pytest.mark.parametrize("packet", ALL)
def test_a_packet_with_all_there_is_can_be_read(packet: mqtt5.Packet) -> None:
    raw = packet.write()
    decoded = packets.decode(raw)
    assert decoded is not None
    assert decoded.write() == raw


@pytest.mark.parametrize("packet", ALL)
@pytest.mark.parametrize("text", [b"\xffEXT", b"TE\xed\xa0", b"T\x00XT"])
def test_text_that_is_none_makes_a_packet_malformed_wherever_it_is(packet: mqtt5.Packet, text: bytes) -> None:
    raw = packet.write()
    places = [at for at in range(len(raw)) if raw.startswith(b"TEXT", at)]
    for at in places:
        assert packets.decode(raw[:at] + text + raw[at + 4 :]) is None


@given(packet=st.sampled_from(ALL), data=st.data())
def test_no_change_to_a_packet_reaches_the_codec_where_it_panics(packet: mqtt5.Packet, data: st.DataObject) -> None:
    raw = bytearray(packet.write())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(1, len(raw) - 1))] = data.draw(st.integers(0, 255))
    packets.decode(bytes(raw[: data.draw(st.integers(2, len(raw)))]))


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (b"\xc0", 0),
        (b"\xc0\x00", 2),
        (b"\x30\xff", 0),
        (b"\x30\x80\x01", 131),
        (b"\x30\xff\xff\xff\x7f", 268_435_460),
        (b"\x30\xff\xff\xff\xff", -1),
    ],
)
def test_a_packets_size_is_known_from_its_first_bytes(raw: bytes, size: int) -> None:
    assert packets.packet_size(b"xx" + raw, 2) == size


@pytest.mark.parametrize(
    ("topic", "plain"),
    [("a/b", "a/b"), (None, None), ("", None), ("a/#", None), ("+/a", None), ("x" * 257, None)],
)
def test_an_answer_goes_to_plain_topics_only(topic: str | None, plain: str | None) -> None:
    assert packets.plain_topic(topic) == plain
