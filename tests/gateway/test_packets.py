"""Packets as bytes: sizes, and malformed text that is found before the codec reads it."""

from __future__ import annotations

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import QoS

from gateway.protocol import packets

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
def test_packets_with_every_property_are_decoded(packet: mqtt5.Packet) -> None:
    raw = packet.write()
    decoded = packets.decode(raw)
    assert not isinstance(decoded, Reason)
    assert decoded.write() == raw


@pytest.mark.parametrize("packet", ALL)
@pytest.mark.parametrize("text", [b"\xffEXT", b"TE\xed\xa0", b"T\x00XT"])
def test_malformed_text_makes_a_packet_malformed_wherever_it_is(packet: mqtt5.Packet, text: bytes) -> None:
    raw = packet.write()
    places = [at for at in range(len(raw)) if raw.startswith(b"TEXT", at)]
    for at in places:
        assert packets.decode(raw[:at] + text + raw[at + 4 :]) == Reason.MALFORMED_PACKET


def connect(flags: int, properties: bytes = b"") -> bytes:
    """A CONNECT of client id X, with a will, user name and password where the flags say so."""
    texts = (flags >> 2 & 1) * 2 + (flags >> 7 & 1) + (flags >> 6 & 1)
    of_will = b"\0" if flags & 0x04 else b""
    payload = b"\0\x01X" + of_will + b"\0\x01t" * texts
    body = b"\0\x04MQTT\x05%c\0\x3c%c%b%b" % (flags, len(properties), properties, payload)
    return b"\x10%c%b" % (len(body), body)


@pytest.mark.parametrize("flags", [0x02, 0x06, 0x0E, 0x26, 0xC2, 0xEE])
def test_consistent_connect_flags_are_accepted(flags: int) -> None:
    assert isinstance(packets.decode(connect(flags)), mqtt5.ConnectPacket)


@pytest.mark.parametrize("flags", [0x03, 0x0A, 0x12, 0x22, 0x1E, 0x1A])
def test_connect_flags_that_contradict_each_other_are_malformed(flags: int) -> None:
    """The reserved one [MQTT-3.1.2-3], QoS or retain of a will that there is not, a will's QoS 3."""
    assert packets.decode(connect(flags)) == Reason.MALFORMED_PACKET


@pytest.mark.parametrize("bits", [0x40, 0x80, 0x03, 0x30])
def test_reserved_subscription_options_are_malformed(bits: int) -> None:
    """[MQTT-3.8.3-5]; also QoS 3 and retain handling 3."""
    raw = mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]).write()
    assert packets.decode(raw[:-1] + bytes((raw[-1] | bits,))) == Reason.MALFORMED_PACKET


@pytest.mark.parametrize(
    "raw",
    [
        connect(0x02, b"\x21\0\x05\x21\0\x05"),
        connect(0x02, b"\x17\x02"),
        connect(0x02, b"\x19\x02"),
        b"\x30\x07\0\x01t\x02\x01\x02!",
        b"\x30\x09\0\x01t\x04\x01\x01\x01\x01!",
        b"\x82\x0b\0\x01\x04\x0b\x01\x0b\x02\0\x01a\x01",
    ],
)
def test_forbidden_values_and_repeated_properties_are_protocol_errors(raw: bytes) -> None:
    """2.2.2.2, 3.1.2.11, 3.3.2.3.2, 3.8.2.1.2."""
    assert packets.decode(raw) == Reason.PROTOCOL_ERROR


def test_a_user_property_may_be_repeated() -> None:
    assert isinstance(packets.decode(connect(0x02, b"\x26\0\x01a\0\x01b" * 2)), mqtt5.ConnectPacket)


@given(packet=st.sampled_from(ALL), data=st.data())
def test_no_changed_packet_makes_the_codec_panic(packet: mqtt5.Packet, data: st.DataObject) -> None:
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
    assert packets.usable_topic(topic) == plain
