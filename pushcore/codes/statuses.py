"""Status codes: what became of a message, per channel (source document, chapter 6.1.5, message push status codes).

A code means something only together with the channel that said it: 10000 is OPPO's malformed registration_id and vivo's
failed permission check. The common codes, which are the same on every channel, are written down here, a vendor's in its
folder (`statuses.py`): each once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause

WAITING_FOR_VERIFY: Final = -1
WAITING: Final = 0
NO_BIND_INFO: Final = 1
ACKED: Final = 2
UNKNOWN: Final = 99999999
# Ours: the source has no codes for them.
REVOKED: Final = -2
EXPIRED: Final = -3
HELD_BACK: Final = -4
NO_CONSENT: Final = -5

# A message in one of these may still be delivered; every other status is final.
PENDING: Final = frozenset({WAITING_FOR_VERIFY, WAITING, NO_BIND_INFO})
# No channel refused a message in one of these: its time, its sender or a rule of its category ended it.
ENDED: Final = frozenset({REVOKED, EXPIRED, HELD_BACK, NO_CONSENT})

COMMON: Final = "common"


@dataclass(frozen=True, slots=True)
class Status:
    """A row of the table of status codes.

    Attributes:
        channel: The name of the channel that says it.
        code: The number.
        name: The vendor's name for the code; empty where it gives none.
        meaning: What it means, in English, marked for translation (`gettext_noop`): the console translates it.
        cause: Why a message has it, with the advice for operators.
        word: How operators call it, marked for translation; empty where the meaning is short enough.
    """

    channel: str
    code: int
    name: str
    meaning: str
    cause: Cause = Cause.UNKNOWN
    word: str = ""

    @property
    def label(self) -> str:
        """The text that receipts and the console show: the name, else the meaning."""
        return self.name or self.meaning


_COMMON: Final = (
    Status(
        "common", -1, "WaitingForVerify", _("waiting for verification"), Cause.VERIFICATION,
        word=_("Waiting for verification"),
    ),
    Status(
        "common",
        0,
        "DeviceNotOnlineOrNoResponse",
        _("device offline (no persistent connection) or delivery not confirmed yet; resent within the validity period"),
        Cause.OFFLINE,
        word=_("Waiting for the device"),
    ),
    Status(
        "common",
        1,
        "NoBindInfo",
        _("pushed by user ID but the user has no bound device; resent on bind within the validity period"),
        Cause.NOT_BOUND,
        word=_("Waiting for the user's device"),
    ),
    Status(
        "common",
        2,
        "Acked",
        _(
            "self-built channel: the device confirmed receipt; "
            "third-party channel: the vendor gateway accepted the call"
        ),
        Cause.DELIVERED,
        word=_("Delivered"),
    ),
    Status("common", 99999999, "NONE", _("unknown"), word=_("Unknown")),
    Status("common", -2, "Revoked", _("revoked before it was delivered"), Cause.REVOKED, word=_("Revoked")),
    Status(
        "common", -3, "Expired", _("not delivered within its validity period; not sent any more"), Cause.EXPIRED,
        word=_("Expired"),
    ),
    Status(
        "common", -4, "HeldBack",
        _("the user or device had as many messages of the category already as its frequency cap allows; not sent"),
        Cause.CAPPED,
        word=_("Held back"),
    ),
    Status(
        "common", -5, "NoConsent", _("a marketing message, and the device refused such messages; not sent"),
        Cause.NO_CONSENT,
        word=_("No consent"),
    ),
)  # fmt: skip

STATUSES: Final[dict[tuple[str, int], Status]] = {}


def register(statuses: Iterable[Status]) -> None:
    """Add a channel's rows to the table."""
    STATUSES.update({(status.channel, status.code): status for status in statuses})


def unregister(statuses: Iterable[Status]) -> None:
    """Remove rows from the table."""
    for status in statuses:
        STATUSES.pop((status.channel, status.code), None)


register(_COMMON)


def lookup(code: int, channel: str = COMMON) -> Status:
    """Return the status of a code as the channel means it, else as all channels do, else a nameless one."""
    return (
        STATUSES.get((channel, code))
        or STATUSES.get((COMMON, code))
        or Status(channel, code, "", f"status {code} of channel {channel}")
    )
