"""What a device does after each reason that the server gives for refusing or ending a connection.

The numbers are MQTT 5's reason codes; sdk/PROTOCOL.md says what each means here.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Action(Enum):
    """What to do about a connection that was refused or has ended."""

    RETRY = "back off"
    SLOW = "back off, for a minute at least at first"
    REGISTER_AGAIN = "register again, and prove to be the same device"
    REGISTER_ANEW = "register as a new device"
    REFUSED = "make no more attempts: something is wrong that time does not mend"
    REPLACED = "make no more attempts: another program is this device now"


class Verdict(NamedTuple):
    """What to do, the reason in words, and the least seconds to wait before the next attempt."""

    action: Action
    reason: str
    at_least: float = 0.0


CONNACK = {
    0x81: Verdict(Action.REFUSED, "the CONNECT is malformed"),
    0x82: Verdict(Action.REFUSED, "the CONNECT breaks the protocol"),
    0x83: Verdict(Action.REFUSED, "the registration's platform, token or installation is not valid"),
    0x84: Verdict(Action.REFUSED, "the server does not speak MQTT 5"),
    0x85: Verdict(Action.REFUSED, "the client ID is not valid"),
    0x86: Verdict(Action.REFUSED, "the client key is wrong"),
    0x87: Verdict(Action.REFUSED, "the app or workspace is unknown or disabled"),
    0x88: Verdict(Action.RETRY, "the server is not available"),
    0x89: Verdict(Action.RETRY, "the server is busy"),
    0x8C: Verdict(Action.REFUSED, "bad authentication method"),
    0x97: Verdict(Action.SLOW, "too many connections or registrations"),
    0x9A: Verdict(Action.REFUSED, "retained messages are not supported"),
    0x9B: Verdict(Action.REFUSED, "QoS 2 is not supported"),
    0x9F: Verdict(Action.SLOW, "connections too fast"),
}
UNKNOWN_DEVICE = Verdict(Action.REGISTER_AGAIN, "the device's secret is wrong, or the device has ended")

DISCONNECT = {
    0x8B: Verdict(Action.RETRY, "the server is stopping"),
    0x8D: Verdict(Action.RETRY, "nothing came within the keep alive"),
    0x8E: Verdict(Action.REPLACED, "another connection of this device took over"),
    0x95: Verdict(Action.RETRY, "a packet was too large"),
    0x98: Verdict(Action.REGISTER_ANEW, "the device was removed"),
}


def of_connack(code: int, *, registering: bool, retry_after: float = 0.0) -> Verdict:
    """Return what to do after a CONNACK that refuses.

    Args:
        code: Its reason code.
        registering: Whether the CONNECT asked for a registration.
        retry_after: Seconds to wait at least, as the CONNACK says.
    """
    if code == 0x86 and not registering:
        return UNKNOWN_DEVICE
    verdict = CONNACK.get(code) or Verdict(Action.SLOW, f"refused with 0x{code:02X}")
    return verdict._replace(at_least=retry_after)


def of_disconnect(code: int | None) -> Verdict:
    """Return what to do after the server's DISCONNECT; None where the connection was lost without one."""
    if code is None:
        return Verdict(Action.RETRY, "the connection was lost")
    return DISCONNECT.get(code) or Verdict(Action.SLOW, f"disconnected with 0x{code:02X}")
