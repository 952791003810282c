"""The contract between the service and a provider of SMS: one call for each SMS, one result for each answer.

A provider is a folder: `provider.py` (the `ProviderDescription` that holds it all together, as `PROVIDER`) and
`errors.py` (the table from its errors to a verdict). `sms.providers` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.ports import SmsWish
from pushcore.security.account_fields import AccountField


class Verdict(Enum):
    """What an answer means for the SMS that was to be sent."""

    ACCEPTED = auto()
    # This SMS is not sent, ever.
    REFUSED = auto()
    # It was certainly not sent and may be sent later.
    RETRY = auto()
    # As RETRY, and no other either until an operator has looked: the account is wrong.
    MISCONFIGURED = auto()
    # Nobody knows whether it was sent, so it is never sent again.
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Account:
    """A workspace's account at a provider, as calls are made of it.

    Attributes:
        workspace_id: The workspace.
        values: The fields by name, secrets in the clear; empty ones are absent.
        base_url: The API's address.
        report_url: Where the provider posts delivery reports; empty where this installation has no public address.
    """

    workspace_id: int
    values: Mapping[str, str]
    base_url: str = ""
    report_url: str = ""

    def get(self, name: str) -> str:
        """Return a field's value, empty where none was entered."""
        return self.values.get(name, "")


class OutgoingSms(NamedTuple):
    """An SMS to send.

    Attributes:
        message_id: The message that it complements.
        attempts: How often its sending was tried before.
        phone_number: Digits, with + before them or not.
        text: What it says where the provider has no template for it.
    """

    message_id: int
    attempts: int
    phone_number: str
    wish: SmsWish
    text: str


class SendResult(NamedTuple):
    """What an answer says.

    Attributes:
        provider_id: The provider's own id of the SMS.
        code: The provider's code; never a sentence, which may name the number.
        segments: How many SMS the text takes, as the provider charges it; None where it does not say.
        price: What it costs, in `currency`; None where the provider does not say.
    """

    verdict: Verdict
    provider_id: str = ""
    code: str = ""
    segments: int | None = None
    price: Decimal | None = None
    currency: str = ""


class SmsReport(NamedTuple):
    """What a provider says later of an SMS. `delivered`: None where it is still on its way."""

    message_id: int
    delivered: bool | None
    code: str = ""
    segments: int | None = None
    price: Decimal | None = None
    currency: str = ""
    at: datetime | None = None


# (account, the address as it was called, headers in lower case, body) to reports. Raises `ValueError` for what is no
# report, or not the provider's.
ReadReports = Callable[[Account, str, Mapping[str, str], bytes], Sequence[SmsReport]]


@dataclass(frozen=True, kw_only=True)
class ProviderDescription:
    """All that the service knows of a provider.

    Attributes:
        name: As it is kept.
        title: As operators know it.
        fields: What operators enter for an account.
        base_url: The API's address; empty where each account has its own.
        rate: SMS a second granted by default.
        call: Makes the call that sends an SMS; None where the number lacks its country.
        read: Reads the answer to it.
        check: Makes a call that tells whether the account is right and sends nothing; None where there is none.
        validate: Returns what is wrong with the values entered, by field name.
        problem: Returns why an account cannot send such an SMS; empty if it can.
        render: Returns what would be sent, as far as it is known here.
        read_reports: Reads a delivery report.
        report_answer: The body that a delivery report is answered with.
        console_url: The provider's console; empty for none.
    """

    name: str
    title: str
    fields: tuple[AccountField, ...]
    base_url: str
    rate: int
    call: Callable[[Account, OutgoingSms], HttpCall | None]
    read: Callable[[HttpAnswer], SendResult]
    check: Callable[[Account], HttpCall] | None
    validate: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda values: {}
    problem: Callable[[Mapping[str, str], SmsWish], str]
    render: Callable[[Mapping[str, str], SmsWish, str], str]
    read_reports: ReadReports
    report_answer: bytes = b"{}"
    console_url: str = ""
