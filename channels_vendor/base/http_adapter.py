"""What all adapters over HTTP share.

Requests go side by side, the credential is renewed once, and trouble of the vendor is told from trouble of a message.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import structlog

from channels_vendor.base import contract, probing
from channels_vendor.base.contract import Account, CannotAuthorise, CredentialSource, VendorRequest
from channels_vendor.base.delivery import Delivery, Notification
from channels_vendor.base.outcomes import Action, AnswerRule, SendOutcome, Verdict, by_rule
from pushcore.codes import statuses
from pushcore.http.calls import HttpAnswer
from pushcore.http.client import HttpClient

log = structlog.get_logger(__name__)

# Statuses by which a proxy says that it did not get an answer itself.
_PROXY_GOT_NONE = (502, 504)

UNREACHABLE = AnswerRule(Action.RETRY)
# What an HTTP status means by itself (RFC 9110, RFC 6585); every 5xx is the vendor's fault, or a proxy's before it.
HTTP_STATUS_RULES: Mapping[int, AnswerRule] = {
    401: AnswerRule(Action.RENEW_CREDENTIAL),
    408: UNREACHABLE,
    429: AnswerRule(Action.THROTTLE),
}
NO_CREDENTIAL = AnswerRule(Action.RETRY)
BAD_CREDENTIAL = AnswerRule(Action.DISABLE_ACCOUNT)


class HttpAdapter(ABC):
    """An `Adapter` whose subclasses say what to call and how to read the answer.

    Attributes:
        unauthorised_status: The status of a message that never reached the vendor for want of a valid credential.
        table: The vendor's codes, and what follows from each.
        status_rules: What it means by an HTTP status, where that is more than `HTTP_STATUS_RULES` says.
        unknown_token_codes: How the vendor's codes for a token that no device has begin.
        is_probe: The account is only being tried: a call says so to a vendor that has a mark for it.
    """

    unauthorised_status = statuses.UNKNOWN
    table: Mapping[str, AnswerRule] = {}
    status_rules: Mapping[int, AnswerRule] = {}
    unknown_token_codes: Sequence[str] = ()
    is_probe = False

    def __init__(self, account: Account, client: HttpClient, credentials: CredentialSource) -> None:
        self.account = account
        self.client = client
        self.credentials = credentials

    @property
    def probe_token(self) -> str:
        """A token that no device has, in the vendor's form."""
        return probing.TOKEN

    @abstractmethod
    def fetch_credential(self) -> tuple[str, float]:
        """Return a new credential and its life in seconds.

        Raises:
            CannotAuthorise: None could be had.
        """

    @abstractmethod
    def prepare(self, deliveries: Sequence[Delivery], credential: str) -> tuple[list[VendorRequest], list[SendOutcome]]:
        """Return the requests, and the outcomes of what the vendor's limits refuse before anything is sent."""

    @abstractmethod
    def read(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        """Return one outcome for each delivery of the request.

        May raise anything for an answer that is not the vendor's.

        Args:
            request: What was asked.
            answer: A whole answer, with a status under 500, or a 5xx whose body the vendor documents.
        """

    def send(self, deliveries: Sequence[Delivery]) -> list[SendOutcome]:
        """Send the deliveries (`Adapter.send`); those whose credential is refused go once more with a new one."""
        last_start = time.monotonic() + contract.SEND_SECONDS
        outcomes: dict[int, SendOutcome] = {}
        left, refused = list(deliveries), ""
        for attempt in (1, 2):
            try:
                credential = self.credentials.get(self.fetch_credential, refused=refused)
            except CannotAuthorise as error:
                outcomes |= {d.message_id: self._without_credential(d, error) for d in left}
                break
            sent = self._send_once(left, credential, within=last_start - time.monotonic())
            outcomes |= {outcome.delivery.message_id: outcome for outcome in sent}
            unauthorised = Verdict.UNAUTHORISED  # looked up once: slow in an enumeration
            left = [outcome.delivery for outcome in sent if outcome.verdict is unauthorised]
            if not left or attempt == 2:
                break
            refused = credential
        for delivery in left:
            outcomes[delivery.message_id] = self._final_outcome(outcomes[delivery.message_id])
        return [outcomes[delivery.message_id] for delivery in deliveries]

    def check(self) -> str:
        """Try the account with a token that no device has (`Adapter.check`)."""
        try:
            self.credentials.get(self.fetch_credential)
        except CannotAuthorise as error:
            return str(error)
        self.is_probe = True
        [outcome] = self.send([probing.probe_delivery(self.probe_token)])
        self.is_probe = False
        return probing.describe_problem(outcome, self.unknown_token_codes)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _send_once(self, deliveries: Sequence[Delivery], credential: str, *, within: float) -> list[SendOutcome]:
        requests, outcomes = self.prepare(deliveries, credential)
        answers = self.client.exchange([request.call for request in requests], within=within)
        for request, answer in zip(requests, answers, strict=True):
            outcomes += self._outcomes_of(request, answer)
        return outcomes

    def _outcomes_of(self, request: VendorRequest, answer: HttpAnswer) -> list[SendOutcome]:
        if not answer.started:
            return [
                SendOutcome(one, Verdict.RETRY, statuses.UNKNOWN, vendor_code=answer.error, tried=False)
                for one in request.deliveries
            ]
        if answer.status is not None and not answer.error:
            try:
                outcomes = self.read(request, answer)
            except Exception as error:  # whatever one answer does to its reader stays that answer's
                log.warning(
                    "vendor answer cannot be parsed",
                    channel=self.account.channel.label,
                    workspace=self.account.workspace_id,
                    status=answer.status,
                    error=type(error).__name__,
                )
            else:
                return [one._replace(in_doubt=True) for one in outcomes] if answer.repeated else outcomes
        reason = answer.error or f"HTTP {answer.status}"
        lost = bool(answer.error) or answer.ok or answer.status in _PROXY_GOT_NONE
        return [
            by_rule(
                delivery, self.unreachable(answer), reason, retry_after=answer.retry_after, unreachable=True
            )._replace(in_doubt=answer.sent and lost)
            for delivery in request.deliveries
        ]

    def unreachable(self, answer: HttpAnswer) -> AnswerRule:
        """Return what follows from an answer that did not come, or that nobody can read."""
        return UNREACHABLE if answer.error else self.of_status(answer, UNREACHABLE)

    def rule_of(self, code: str, answer: HttpAnswer) -> AnswerRule:
        """Return the table's row for a code; where the table has none, the HTTP status decides."""
        return self.table.get(code) or self.of_status(answer, AnswerRule(Action.REJECT))

    def of_status(self, answer: HttpAnswer, otherwise: AnswerRule) -> AnswerRule:
        """Return what follows from the HTTP status alone; `otherwise` where it says nothing."""
        status = answer.status or 0
        known = self.status_rules.get(status) or HTTP_STATUS_RULES.get(status)
        return known or (UNREACHABLE if status >= 500 else otherwise)

    def _without_credential(self, delivery: Delivery, error: CannotAuthorise) -> SendOutcome:
        rule = BAD_CREDENTIAL if error.permanent else NO_CREDENTIAL
        return by_rule(
            delivery, AnswerRule(rule.action, self.unauthorised_status), str(error), unreachable=not error.permanent
        )

    def _final_outcome(self, outcome: SendOutcome) -> SendOutcome:
        """Return the final outcome of a delivery whose credential was refused twice: the account is misconfigured."""
        if outcome.verdict is not Verdict.UNAUTHORISED:
            return outcome
        status = self.unauthorised_status if outcome.status == statuses.UNKNOWN else outcome.status
        return by_rule(outcome.delivery, AnswerRule(Action.DISABLE_ACCOUNT, status), outcome.vendor_code)


def batches(deliveries: Sequence[Delivery], most: int) -> Iterator[tuple[Notification, list[Delivery]]]:
    """Yield the deliveries that share a notification, at most `most` together and no token twice in one batch."""
    by_notification: dict[Notification, list[Delivery]] = {}
    for delivery in deliveries:
        by_notification.setdefault(delivery.notification, []).append(delivery)
    for notification, sharing in by_notification.items():
        for distinct in distinct_tokens(sharing):
            following = iter(distinct)
            while batch := list(islice(following, most)):
                yield notification, batch


def distinct_tokens(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Yield the deliveries in lists that hold no token twice."""
    left = list(deliveries)
    while left:
        seen: dict[str, Delivery] = {}
        again = [delivery for delivery in left if seen.setdefault(delivery.token, delivery) is not delivery]
        yield list(seen.values())
        left = again
