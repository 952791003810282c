"""Receive vendors' delivery reports: what they say later of messages they accepted.

The address holds the account's key, which nobody can guess: most vendors sign nothing. What is said twice counts once,
and what is said of a message that nobody knows, or of another workspace's device, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_vendor.base import sentences
from channels_vendor.base.contract import DeliveryReport
from channels_vendor.base.references import token_hash
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.devices import tokens
from pushcore.devices.tokens import MAX_TOKEN_LENGTH, Claim, Gone
from pushcore.inbound.head_check import head_check
from pushcore.storage import clock
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Vendors send up to 1000 results at once, of some 300 bytes.
MAX_BYTES = 1_048_576
MAX_REPORTS = 5_000


def _check_head(_request: HttpRequest, key: str) -> None:
    """Check the address, which is the credential. Raises `Http404`."""
    _account_of_address(key)


@head_check(_check_head)
@csrf_exempt
@require_POST
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """Take what a vendor posts.

    Returns:
        200 with the answer the vendor wants once all is written, 400 for what is no report or forged. Vendors repeat
        what was not answered with 200.

    Raises:
        Http404: Nobody has the key.
    """
    row = _account_of_address(key)
    vendor = VENDORS[Channel(row.channel)]
    assert vendor.read_reports is not None
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        reports = vendor.read_reports(row.account(allow_private=False), headers, request.GET.dict(), body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning(
            "delivery report refused", channel=vendor.channel.label, workspace=row.workspace_id, error=str(error)
        )
        return HttpResponseBadRequest("no report")
    if len(reports) > MAX_REPORTS:
        return HttpResponseBadRequest("too many at once")
    record(row, reports)
    return HttpResponse(vendor.report_answer, content_type="application/json")


def _account_of_address(key: str) -> VendorAccount:
    """Return the account whose vendor posts reports to this address. Raises `Http404`."""
    row = VendorAccount.objects.filter(report_key=key).first() if len(key) <= 32 and "\0" not in key else None
    vendor = VENDORS.get(Channel(row.channel)) if row else None
    if row is None or vendor is None or vendor.read_reports is None:
        raise Http404
    return row


def report_url_problem(row: VendorAccount) -> str:
    """Return why a vendor that is told with each message where to post its reports cannot be told, or nothing."""
    longest, vendor = len(row.report_url), VENDORS[Channel(row.channel)]
    if not vendor.max_report_url or longest <= vendor.max_report_url:
        return ""
    return sentences.NO_REPORTS % {"length": longest, "vendor": vendor.title, "most": vendor.max_report_url}


def record(row: VendorAccount, found: Sequence[DeliveryReport]) -> int:
    """Note arrivals, other results, dead and replaced tokens.

    A fixed number of statements, one transaction. A token is given up only where the account, as it is configured now,
    has had one accepted (`refused_tokens.py`): what is heard of messages of another configuration is of another app's
    tokens.

    Returns:
        How many messages are newly known to have arrived.
    """
    now, proven = clock.now(), row.is_proven
    with transaction.atomic():
        known = _known_reports(row, found)
        arrived = [one.message_id for one in known if one.report.arrived]
        count = outcomes.record_arrivals(sorted(set(arrived)))
        _record_results(known, now)
        tokens.change(
            gone=[
                Gone(one.device_id, one.report.token, _moment_of(one.report, now))
                for one in known
                if one.report.gone and proven
            ],
            claims=[
                Claim(
                    row.workspace_id,
                    one.device_id,
                    row.channel,
                    one.report.replaced_by,
                    instead_of=one.report.token,
                )
                for one in known
                if 0 < len(one.report.replaced_by) <= MAX_TOKEN_LENGTH
            ],
        )
    return count


def _moment_of(report: DeliveryReport, now: datetime) -> datetime:
    """Return when it happened, by the vendor's clock, but not in the future."""
    return min(report.at or now, now)


class _KnownReport(NamedTuple):
    """A report, the message that it is about, and the device this was sent to."""

    report: DeliveryReport
    message_id: int
    device_id: int


def _known_reports(row: VendorAccount, found: Sequence[DeliveryReport]) -> list[_KnownReport]:
    """Return the reports about messages that are known, each with its message and device.

    They are found by the message, or by the task and the token it was sent to, whatever token the device has by now.
    """
    if not found:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["known"],
            {
                "numbers": list(range(len(found))),
                "messages": [report.reference.message_id for report in found],
                "tasks": [report.reference.task_id for report in found],
                "token_hashes": [token_hash(report.token) for report in found],
                "workspace": row.workspace_id,
                "channel": row.channel,
            },
        )
        return [
            _KnownReport(found[number], message_id, device_id) for number, message_id, device_id in cursor.fetchall()
        ]


def _record_results(known: Sequence[_KnownReport], now: datetime) -> None:
    """Record the vendor's latest result, which a message's details show besides its arrival."""
    last: dict[int, DeliveryReport] = {}
    for report, message_id, _ in known:
        if report.arrived:
            continue
        if message_id not in last or _moment_of(report, now) >= _moment_of(last[message_id], now):
            last[message_id] = report
    ordered = sorted(last)
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["record_results"],
            {
                "messages": ordered,
                "codes": [last[message_id].vendor_code[:200] for message_id in ordered],
                "statuses": [last[message_id].status for message_id in ordered],
                "at": [_moment_of(last[message_id], now) for message_id in ordered],
            },
        )
