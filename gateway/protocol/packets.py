"""Frame, check and decode MQTT packets.

The `mqtt5` codec reads and writes packets. This module does what the codec leaves to its caller: it reads the size from
the first bytes, so that nothing too large is buffered; checks that text is UTF-8 without NUL (MQTT 5, 1.5.4), for the
codec panics on other bytes and accepts NUL; and refuses bits, values and repeats that the standard forbids.
"""

from __future__ import annotations

from struct import Struct

import mqtt5
from mqtt5 import DisconnectReasonCode as Reason

# The largest packet a device may send (CONNACK Maximum Packet Size).
MAX_PACKET_BYTES = 16_384
MAX_RESPONSE_TOPIC = 256
INBOX_TOPIC = "mps/inbox"

# A packet id as it is written (2.2.1).
packet_id_bytes = Struct(">H").pack

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14

# Properties by how they are encoded (2.2.2.2): of a fixed number of bytes, text, binary data; two more have a form of
# their own.
_FIXED = {
    **dict.fromkeys((0x01, 0x17, 0x19), 1),
    **dict.fromkeys((0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
_TEXT = frozenset({0x03, 0x08, 0x15, 0x1F})
_BINARY = frozenset({0x09, 0x16})
_SUBSCRIPTION_ID = 0x0B
_USER_PROPERTY = 0x26

# These are 0 or 1 (3.1.2.11.6, 3.1.2.11.7, 3.3.2.3.2).
_BOOLEAN = frozenset({0x01, 0x17, 0x19})

# A flag of a PUBLISH (3.3.1.1).
DUP = 0x08
# Flags of a CONNECT (3.1.2.3), and bits of a SUBSCRIBE's options (3.8.3.1).
_RESERVED, _HAS_WILL, _WILL_QOS, _WILL_RETAIN, _HAS_PASSWORD, _HAS_USERNAME = 0x01, 0x04, 0x18, 0x20, 0x40, 0x80
_OPTIONS_RESERVED = 0xC0


class ProtocolError(ValueError):
    """The packet is readable and violates the protocol (4.13.1)."""


def packet_size(data: bytes, position: int) -> int:
    """Return the size of the packet at `position`; 0 if its length is incomplete, -1 if it is malformed.

    The length is a variable byte integer of at most four bytes (1.5.5).
    """
    length, shift = 0, 0
    for index in range(position + 1, min(position + 5, len(data))):
        byte = data[index]
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return index + 1 - position + length
        shift += 7
    return -1 if len(data) - position >= 5 else 0


def count_acknowledged_publishes(data: bytes, most: int) -> int:
    """Count whole PUBLISH packets of QoS 1 or 2, up to just above `most`.

    Args:
        data: Bytes that begin with a packet.
        most: Counting stops above this number.
    """
    count = position = 0
    while count <= most and 0 < (size := packet_size(data, position)) <= len(data) - position:
        count += data[position] >> 4 == PUBLISH and bool(data[position] & 0x06)
        position += size
    return count


def protocol_level(raw: bytes) -> int:
    """Return the protocol level of a CONNECT (3.1.2.2): 5, 4 (MQTT 3.1.1) or another; -1 if it is no CONNECT."""
    if raw[0] != 0x10:
        return -1
    start = variable_header_start(raw)
    if raw[start : start + 6] == b"\x00\x04MQTT" and len(raw) > start + 6:
        return raw[start + 6]
    return 3 if raw[start : start + 8] == b"\x00\x06MQIsdp" else -1


def decode(raw: bytes) -> mqtt5.Packet | Reason:
    """Decode a packet that devices send; return the reason to disconnect with if it is not acceptable."""
    try:
        _check(raw)
        packet, consumed = mqtt5.read(memoryview(raw))
    except ProtocolError:
        return Reason.PROTOCOL_ERROR
    except (ValueError, IndexError):
        return Reason.MALFORMED_PACKET
    return packet if consumed == len(raw) else Reason.MALFORMED_PACKET


class InboxHeads(dict[int, bytes]):
    """Heads of QoS 1 PUBLISH packets to the inbox, by the number of bytes after the packet id.

    Each is built once; there are as many as lengths of messages, some thousands at most.
    """

    def __init__(self, *, dup: bool) -> None:
        super().__init__()
        self._first = 0x32 | (DUP if dup else 0)

    def __missing__(self, rest_bytes: int) -> bytes:
        head = self[rest_bytes] = publish_head(self._first, INBOX_TOPIC.encode(), rest_bytes + 2)
        return head


def publish_head(first: int, topic: bytes, rest_bytes: int) -> bytes:
    """Return type, length and topic of a PUBLISH."""
    return b"%c%b%b%b" % (first, variable_length(2 + len(topic) + rest_bytes), len(topic).to_bytes(2, "big"), topic)


def variable_length(value: int) -> bytes:
    """Encode a Remaining Length (2.2.3 of 3.1.1; 1.5.5 of 5)."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


# Indexed by whether the message was sent before (DUP).
INBOX_HEADS = InboxHeads(dup=False), InboxHeads(dup=True)


def message_without_properties(packet_id: int, payload: bytes, dup: bool) -> bytes:
    """Encode a QoS 1 PUBLISH to the inbox without properties, as in MQTT 3.1.1 (3.3)."""
    return b"".join((INBOX_HEADS[dup][len(payload)], packet_id_bytes(packet_id), payload))


def usable_topic(topic: str | None) -> str | None:
    """Return a Response Topic that can be published to; None if absent, with wildcards, or too long."""
    if not topic or len(topic) > MAX_RESPONSE_TOPIC or "#" in topic or "+" in topic:
        return None
    return topic


def variable_header_start(raw: bytes) -> int:
    """Return where the variable header of a packet starts."""
    start = 2
    while start < 5 and raw[start - 1] & 0x80:
        start += 1
    return start


def check_connect_flags(flags: int) -> None:
    """Check that connect flags do not contradict each other (3.1.2.3 to 3.1.2.7; 3.1.2.3 to 3.1.2.6 of 3.1.1).

    Raises:
        ValueError: They do.
    """
    will_flags = flags & (_WILL_QOS | _WILL_RETAIN)
    if flags & _RESERVED or flags & _WILL_QOS == _WILL_QOS or (will_flags and not flags & _HAS_WILL):
        raise ValueError("connect flags that contradict each other")


def _check(raw: bytes) -> None:
    """Check what the codec does not: text, lengths, and forbidden bits, values and repeats.

    Raises:
        ValueError: The packet is malformed, or a `ProtocolError`.
        IndexError: The packet ends too early.
    """
    kind, at = raw[0] >> 4, variable_header_start(raw)
    if kind == CONNECT:
        _check_connect(raw, at)
    elif kind == PUBLISH:
        at = skip_text(raw, at)
        _skip_properties(raw, at + 2 if raw[0] & 0x06 else at)
    elif kind == PUBACK:
        if len(raw) > at + 3:
            _skip_properties(raw, at + 3)
    elif kind in (SUBSCRIBE, UNSUBSCRIBE):
        at = _skip_properties(raw, at + 2)
        while at < len(raw):
            at = skip_text(raw, at)
            if kind == SUBSCRIBE:
                if raw[at] & _OPTIONS_RESERVED:
                    raise ValueError("subscription options of no meaning")
                at += 1


def _check_connect(raw: bytes, at: int) -> None:
    flags = raw[at + 7]
    check_connect_flags(flags)
    at = skip_text(raw, _skip_properties(raw, at + 10))
    if flags & _HAS_WILL:
        at = skip_binary(raw, skip_text(raw, _skip_properties(raw, at)))
    if flags & _HAS_USERNAME:
        at = skip_text(raw, at)
    if flags & _HAS_PASSWORD:
        skip_binary(raw, at)


def _skip_properties(raw: bytes, at: int) -> int:
    length, at = _variable_integer(raw, at)
    end, seen = at + length, 0
    while at < end:
        name = raw[at]
        at += 1
        if name != _USER_PROPERTY and seen >> name & 1:
            raise ProtocolError("a property more than once")
        seen |= 1 << name
        if name in _BOOLEAN and raw[at] > 1:
            raise ProtocolError("neither 0 nor 1")
        if name in _FIXED:
            at += _FIXED[name]
        elif name in _TEXT:
            at = skip_text(raw, at)
        elif name in _BINARY:
            at = skip_binary(raw, at)
        elif name == _USER_PROPERTY:
            at = skip_text(raw, skip_text(raw, at))
        elif name == _SUBSCRIPTION_ID:
            _, at = _variable_integer(raw, at)
        else:
            raise ValueError("no property that a device sends")
    if at != end:
        raise ValueError("properties do not end where they say")
    return end


def _variable_integer(raw: bytes, at: int) -> tuple[int, int]:
    """Decode a variable byte integer; return it and where it ends."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("a variable byte integer of more than four bytes")


def skip_binary(raw: bytes, at: int) -> int:
    """Return where length-prefixed binary data ends.

    Raises:
        ValueError: It exceeds the packet.
        IndexError: The packet ends too early.
    """
    end = at + 2 + ((raw[at] << 8) | raw[at + 1])
    if end > len(raw):
        raise ValueError("data beyond the packet's end")
    return end


def skip_text(raw: bytes, at: int) -> int:
    """Return where length-prefixed text ends.

    Raises:
        ValueError: It exceeds the packet, is not UTF-8, or contains NUL.
        IndexError: The packet ends too early.
    """
    end = skip_binary(raw, at)
    if "\0" in raw[at + 2 : end].decode():
        raise ValueError("text with a NUL")
    return end
