"""What a vendor's adapter is: deliveries in, one outcome for each out.

A vendor is a folder: `errors.py` (the one table from the vendor's errors to a status code and what to do), `payload.py`
(from a notification to the vendor's body), `client.py` (requests and answers), `receipts.py` where it posts some, and
`adapter.py` (the `Vendor` that describes it all). It joins by one line in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from channels_vendor.base.references import Reference
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.http.client import HttpClient


class Style(Enum):
    """How a notification is shown; the numbers of `pushStyle`."""

    PLAIN = 0
    BIG_TEXT = 1
    RICH = 2


@dataclass(frozen=True, slots=True, eq=False)
class Notification:
    """What is shown or handed to the app, the same for many devices. Compared by identity: it is what a batch shares.

    `url` with `opens_page` False is a web address, else an intent or a page of the app. `params` are what the backend
    gave besides; `icon` and `image` are URLs, chosen for the channel. `vendor_options`: the request's fields that only
    vendors read (channelId, miChannelId, classification, thirdChannelCategory, notifyLevel, ...). `transparent`: what
    the channel hands to the app in place of all this, showing nothing; empty for an ordinary notification. `test`: to
    the vendor's test devices, where it has such a thing.
    """

    task_id: int
    kind: str
    title: str
    body: str
    expire_at: datetime
    url: str = ""
    opens_page: bool = False
    silent: bool = False
    style: Style = Style.PLAIN
    icon: str = ""
    image: str = ""
    badge: int | None = None
    badge_add: int | None = None
    badge_class: str = ""
    sound: str = ""
    template: str = ""
    notify_type: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    vendor_options: Mapping[str, Any] = field(default_factory=dict)
    transparent: str | Mapping[str, Any] = ""
    test: bool = False


class Delivery(NamedTuple):
    """A notification on its way to one device. Devices drop repeats by the message ID."""

    message_id: int
    device_id: int
    token: str
    msgkey: str
    notification: Notification


class Action(Enum):
    """What a vendor's answer asks for."""

    OK = auto()
    # The token is dead.
    DROP = auto()
    # The request or its content is at fault: final, no use in repeating.
    FIX = auto()
    # As FIX, and the token is perhaps dead: it is, where it is refused so again and again (`suspects.py`).
    SUSPECT = auto()
    # The credential has run out: a new one, and once more.
    AUTH = auto()
    # Again later: the vendor's fault, or too fast.
    RETRY = auto()
    SLOW = auto()
    # The configuration is at fault: the channel stops, an operator has to look.
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a vendor's error table. `wait`: seconds until the next attempt, where the vendor names none.

    RETRY without it is the vendor's own trouble and counts for the breaker; with it, it is about a device or the hour.
    SLOW is about the whole account, which is then left alone for so long.
    """

    action: Action
    status: int = statuses.UNKNOWN
    wait: float | None = None


# What a vendor that asks for less and names no time is given.
SLOW_SECONDS = 60.0


class Verdict(Enum):
    ACCEPTED = auto()
    GONE = auto()
    REJECTED = auto()
    RETRY = auto()
    # The credential was refused; seen only between a client and `Adapter.send`.
    UNAUTHORISED = auto()
    MISCONFIGURED = auto()


_VERDICTS = {
    Action.OK: Verdict.ACCEPTED,
    Action.DROP: Verdict.GONE,
    Action.FIX: Verdict.REJECTED,
    Action.SUSPECT: Verdict.REJECTED,
    Action.AUTH: Verdict.UNAUTHORISED,
    Action.RETRY: Verdict.RETRY,
    Action.SLOW: Verdict.RETRY,
    Action.STOP: Verdict.MISCONFIGURED,
}


class SendOutcome(NamedTuple):
    """What became of one delivery at the vendor.

    `status` as in `pushcore.codes.statuses` for the channel; `vendor_code` is the vendor's own word. `retry_after`:
    seconds until the next attempt, None for the usual backoff. `slow`: the vendor asked for less, not only later.
    `unreachable`: no usable answer came, or a 5xx (the circuit breaker counts these). `gone_at`: a token registered
    later than this lives. `tried`: False where the vendor was not asked, for want of time. `in_doubt`: the vendor may
    have taken it without our knowing, or has been asked twice. `suspect`: the token is dead where this goes on.
    """

    delivery: Delivery
    verdict: Verdict
    status: int
    vendor_id: str = ""
    vendor_code: str = ""
    retry_after: float | None = None
    slow: bool = False
    unreachable: bool = False
    gone_at: datetime | None = None
    tried: bool = True
    in_doubt: bool = False
    suspect: bool = False


# Said of nearly every delivery, and slow to look up in an enumeration.
_ACCEPTED = Verdict.ACCEPTED


def accepted(delivery: Delivery, vendor_id: str) -> SendOutcome:
    return SendOutcome(delivery, _ACCEPTED, statuses.ACKED, vendor_id)


def by_rule(
    delivery: Delivery,
    rule: Rule,
    vendor_code: str,
    *,
    retry_after: float | None = None,
    gone_at: datetime | None = None,
    unreachable: bool = False,
) -> SendOutcome:
    """The outcome a row of an error table asks for."""
    slow = rule.action is Action.SLOW
    wait = SLOW_SECONDS if slow and rule.wait is None else rule.wait
    return SendOutcome(
        delivery,
        _VERDICTS[rule.action],
        rule.status,
        vendor_code=vendor_code[:200],
        retry_after=retry_after if retry_after is not None else wait,
        slow=slow,
        unreachable=unreachable or (rule.action is Action.RETRY and rule.wait is None),
        gone_at=gone_at,
        suspect=rule.action is Action.SUSPECT,
    )


class Tokens(Protocol):
    """Keeps a credential that a vendor gave for a while; one process fetches it for all."""

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        """The credential; `fetch` returns a new one and its life in seconds, and may raise `CannotAuthorise`.

        `refused`: the credential the vendor has just refused; it is not given again.
        """


class CannotAuthorise(Exception):  # noqa: N818 - reads as what happened
    """No credential could be had. `permanent`: what is configured is wrong, an operator has to look."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Account:
    """A workspace's account at a vendor. `values`: the fields by name, secrets in the clear, empty ones absent.

    `base_url`: of the vendor's API, empty for its real one; `auth_url` likewise for where credentials come from.
    `ca`: an authority (PEM) trusted besides the well-known ones. `receipt_url`: where vendors that are told so with
    each message post their receipts; empty where this installation has no public address, or one too long for them.
    """

    workspace_id: int
    channel: Channel
    values: Mapping[str, str]
    base_url: str = ""
    auth_url: str = ""
    ca: bytes = b""
    allow_private: bool = False
    receipt_url: str = ""

    def get(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True)
class Field:
    """One value an operator enters for a vendor. `secret`: encrypted, never shown again. `file`: base64."""

    name: str
    label: str
    secret: bool = False
    required: bool = True
    help_text: str = ""
    choices: tuple[str, ...] = ()
    file: bool = False


# What of a batch has not been started so many seconds after `Adapter.send` began is not sent.
SEND_SECONDS = 60.0


class Adapter(Protocol):
    """One account at a vendor, with its warm connections; used by one thread at a time."""

    def send(self, deliveries: Sequence[Delivery]) -> list[SendOutcome]:
        """One outcome for each delivery, in their order. Raises nothing for what a vendor or a network does.

        Starts nothing after `SEND_SECONDS`: what is left comes back untried.
        """

    def check(self) -> str:
        """Try the account at the vendor, with a token that is none; what is wrong in a sentence, or empty."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class VendorReceipt:
    """What a vendor says later of a message it accepted, to a device's token there.

    `at`: when it happened there, None where it does not say. `gone`: the token is dead, unless registered later than
    that; `replaced_by`: another has taken its place. `status` as in `pushcore.codes.statuses` for the channel, None
    where the table has none; `vendor_code` is the vendor's own word.
    """

    reference: Reference
    token: str
    arrived: bool
    at: datetime | None = None
    gone: bool = False
    replaced_by: str = ""
    status: int | None = None
    vendor_code: str = ""


# (account, headers in lower case, query parameters, body) to receipts. Raises `ValueError` for what is none or forged.
ReadReceipts = Callable[[Account, Mapping[str, str], Mapping[str, str], bytes], Sequence[VendorReceipt]]


@dataclass(frozen=True, slots=True)
class Vendor:
    """All that the service knows of a vendor.

    `rate`: targets a second granted by default, the vendor's published figure. `batch`: how many deliveries `send` is
    given at most. `knows_repeats`: a repeat by its message ID is dropped there. `connections`: to the vendor, of a
    process and account. `validate` returns what is wrong with the values entered, by field name. `receipt_answer`: the
    body a receipt is answered with. `max_receipt_url`: how long the address may be that goes with each message; 0 where
    receipts are set up at the vendor, or there are none.
    """

    channel: Channel
    label: str
    fields: tuple[Field, ...]
    open: Callable[[Account, HttpClient, Tokens], Adapter]
    rate: int
    batch: int = 1000
    knows_repeats: bool = False
    http2: bool = False
    connections: int = 8
    validate: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda values: {}
    certificate: Callable[[Mapping[str, str]], tuple[bytes, bytes]] = lambda values: (b"", b"")
    read_receipts: ReadReceipts | None = None
    receipt_answer: bytes = b"{}"
    max_receipt_url: int = 0
    closed_note: str = ""
