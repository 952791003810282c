"""The contract between the service and a vendor's adapter: deliveries in, one outcome for each out.

A vendor is a folder: `vendor.py` (the `VendorDescription` that holds it all together, as `VENDOR`), `errors.py` (the
table from the vendor's errors to a status code and an action), `payload.py` (from a notification to the vendor's
body), `client.py` (requests and answers), `reports.py` where the vendor posts delivery reports, `statuses.py` where it
has status codes of its own, and `simulator.py`. `channels_vendor.registry` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from channels_vendor.base.delivery import Delivery, Notification, Shown
from channels_vendor.base.outcomes import SendOutcome
from channels_vendor.base.references import Reference
from pushcore.channels import Channel, ChannelDescription
from pushcore.http.calls import HttpCall
from pushcore.http.client import HttpClient
from pushcore.security.account_fields import AccountField


class CredentialSource(Protocol):
    """Keeps a credential that a vendor gives for a while; one process fetches it for all."""

    def get(self, fetch: Callable[[], tuple[str, float]], *, refused: str = "") -> str:
        """Return the credential.

        Args:
            fetch: Returns a new credential and its life in seconds.
            refused: The credential that the vendor has just refused; it is not returned again.

        Raises:
            CannotAuthorise: `fetch` did.
        """


class CannotAuthorise(Exception):  # noqa: N818 - reads as what happened
    """No credential could be had. `permanent`: the configuration is wrong, and an operator has to look."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Account:
    """A workspace's account at a vendor, as its adapter sees it.

    Attributes:
        workspace_id: The workspace.
        channel: The vendor's channel.
        values: The fields by name, secrets in the clear; empty ones are absent.
        base_url: The API's address, empty for the vendor's real one.
        auth_url: The address credentials come from, empty for the vendor's real one.
        ca: An authority (PEM) that is trusted besides the well-known ones.
        allow_private: Private addresses and plain HTTP may be called.
        report_url: Where vendors that are told so with each message post their delivery reports; empty where this
            installation has no public address, or one too long for the vendor.
    """

    workspace_id: int
    channel: Channel
    values: Mapping[str, str]
    base_url: str = ""
    auth_url: str = ""
    ca: bytes = b""
    allow_private: bool = False
    report_url: str = ""

    def get(self, name: str) -> str:
        """Return a field's value, empty where none was entered."""
        return self.values.get(name, "")


# Calls of a batch that have not been started so many seconds after `Adapter.send` began are not made.
SEND_SECONDS = 60.0


class VendorRequest(NamedTuple):
    """One call, and the deliveries it carries: they share one notification.

    Attributes:
        call: The call.
        deliveries: What it carries.
        plain: The body before it was encrypted for the device; empty where it is not.
    """

    call: HttpCall
    deliveries: Sequence[Delivery]
    plain: bytes = b""


class Adapter(Protocol):
    """One account at a vendor, with its warm connections; used by one thread at a time."""

    def send(self, deliveries: Sequence[Delivery]) -> list[SendOutcome]:
        """Send the deliveries and return one outcome for each, in their order.

        Raises nothing for what a vendor or a network does. Starts no call after `SEND_SECONDS`: what is left comes
        back untried.
        """

    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Return the calls that would be made, and the outcomes of what the vendor's limits refuse before."""

    def check(self) -> str:
        """Try the account with a token that no device has; return what is wrong in a sentence, or nothing."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a vendor says later of a message it accepted, about one device token.

    Attributes:
        reference: The message, or the task.
        token: The device token.
        arrived: The message is on the device.
        at: When it happened there, None where the vendor does not say.
        gone: The token is dead, unless registered later than `at`.
        replaced_by: The token that has taken its place.
        status: As in `pushcore.codes.statuses` for the channel, None where the table has none.
        vendor_code: The vendor's own code, with its explanation if there is one.
    """

    reference: Reference
    token: str
    arrived: bool
    at: datetime | None = None
    gone: bool = False
    replaced_by: str = ""
    status: int | None = None
    vendor_code: str = ""


class CertificateSummary(NamedTuple):
    """What operators are shown of an account's client certificate.

    Attributes:
        subject: Whose it is and what for, in a line.
        expires_at: The end of its validity.
        settings: Values that the certificate states, by field name; they fill fields that were left empty.
    """

    subject: str
    expires_at: datetime
    settings: Mapping[str, str]


# (account, headers in lower case, query parameters, body) to reports. Raises `ValueError` for what is none or forged.
ReadReports = Callable[[Account, Mapping[str, str], Mapping[str, str], bytes], Sequence[DeliveryReport]]


@dataclass(frozen=True, kw_only=True)
class VendorDescription(ChannelDescription):
    """All that the service knows of a vendor: its channel, its accounts, its adapter. The one place it is described.

    Attributes:
        fields: What operators enter for an account.
        open: Makes an account's adapter.
        rate: Targets a second granted by default: the vendor's published figure.
        console_url: The vendor's console, where operators find the values of the fields; empty for none.
        console_path: The way there within it, as it labels the steps, marked for translation.
        batch: How many deliveries `Adapter.send` is given at most.
        knows_repeats: The vendor drops a repeat by its message ID.
        http2: Calls go over HTTP/2.
        connections: How many a process opens at most for an account.
        validate: Returns what is wrong with the values entered, by field name.
        new_values: Returns what a new account begins with, such as a key pair that no vendor's console gives; secrets
            among them are sealed.
        app_values: Returns what apps need to know of the values, by its name in their configuration; no secrets.
        certificate: Returns the client certificate and its key (PEM) from the values, empty where there is none.
        describe_certificate: Returns what operators are shown of that certificate; None where there is none.
        read_reports: Reads a delivery report; None where the vendor sends none.
        report_answer: The body a delivery report is answered with.
        max_report_url: How long the address may be that goes with each message; 0 where it is set up at the vendor, or
            there are no reports.
        big_text_parameter: The extension parameter `big_text` asks for a big text. It "is only valid for Xiaomi and
            Huawei devices" (source document, "Extension parameters"); `pushStyle` counts wherever there are big texts.
        shown: Returns what a notification that is not silent shows, read from the payload that is sent; None, or
            `TooBigError`, where it is too large.
        closed_note: What operators are told of a way to the vendor that it has closed.
    """

    fields: tuple[AccountField, ...]
    open: Callable[[Account, HttpClient, CredentialSource], Adapter]
    rate: int
    console_url: str = ""
    console_path: str = ""
    batch: int = 1000
    knows_repeats: bool = False
    http2: bool = False
    connections: int = 8
    validate: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda values: {}
    new_values: Callable[[], Mapping[str, str]] = dict
    app_values: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda values: {}
    certificate: Callable[[Mapping[str, str]], tuple[bytes, bytes]] = lambda values: (b"", b"")
    describe_certificate: Callable[[Mapping[str, str]], CertificateSummary | None] = lambda values: None
    read_reports: ReadReports | None = None
    report_answer: bytes = b"{}"
    max_report_url: int = 0
    big_text_parameter: bool = False
    shown: Callable[[Notification, Account], Shown | None] = lambda notification, account: Shown(
        notification.title, notification.body, notification.icon, notification.image
    )
    closed_note: str = ""

    @property
    def channel(self) -> Channel:
        """The vendor's channel; it is registered (`channels_vendor.registry`)."""
        return Channel(self.number)
