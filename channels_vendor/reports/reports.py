"""Receive vendors' delivery reports: what they say later of messages they accepted.

The address holds the account's key, which nobody can guess: most vendors sign nothing. What is said twice counts once,
and a word about a message that nobody knows, or of another workspace's device, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_vendor.base.contract import DeliveryReport
from channels_vendor.base.references import token_hash
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.devices import tokens
from pushcore.devices.tokens import MAX_TOKEN_LENGTH, Claim, Gone
from pushcore.http.head_check import head_check
from pushcore.storage import clock

log = structlog.get_logger(__name__)

# Vendors send up to 1000 results at once, of some 300 bytes.
MAX_BYTES = 1_048_576
MAX_REPORTS = 5_000


def _check_head(_request: HttpRequest, key: str) -> None:
    """The address is the credential. Raises `Http404`."""
    _addressed(key)


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
    row = _addressed(key)
    vendor = VENDORS[Channel(row.channel)]
    assert vendor.read_reports is not None
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        found = vendor.read_reports(row.account(allow_private=False), headers, request.GET.dict(), body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning(
            "vendor receipt refused", channel=vendor.channel.label, workspace=row.workspace_id, error=str(error)
        )
        return HttpResponseBadRequest("no receipt")
    if len(found) > MAX_REPORTS:
        return HttpResponseBadRequest("too many at once")
    record(row, found)
    return HttpResponse(vendor.report_answer, content_type="application/json")


def _addressed(key: str) -> VendorAccount:
    """The account whose vendor sends receipts to this address. Raises `Http404`."""
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
    return (
        f"no receipts: their address has {longest} characters with this MPS_PUBLIC_URL,"
        f" {vendor.title} takes {vendor.max_report_url}"
    )


def record(row: VendorAccount, found: Sequence[DeliveryReport]) -> int:
    """Note arrivals, other words, dead and replaced tokens.

    A fixed number of statements, one transaction. A token is given up only where the account, as it is configured now,
    has had one accepted (`refused_tokens.py`): what is heard of messages of another configuration is of another app's
    tokens.

    Returns:
        How many messages are newly known to have arrived.
    """
    now, proven = clock.now(), row.is_proven
    with transaction.atomic():
        known = _known(row, found)
        arrived = [message_id for receipt, message_id, _ in known if receipt.arrived]
        count = outcomes.record_arrivals(sorted(set(arrived)))
        _keep_words(known, now)
        tokens.change(
            gone=[
                Gone(device_id, receipt.token, _at(receipt, now))
                for receipt, _, device_id in known
                if receipt.gone and proven
            ],
            claims=[
                Claim(row.workspace_id, device_id, row.channel, receipt.replaced_by, instead_of=receipt.token)
                for receipt, _, device_id in known
                if 0 < len(receipt.replaced_by) <= MAX_TOKEN_LENGTH
            ],
        )
    return count


def _at(receipt: DeliveryReport, now: datetime) -> datetime:
    """When it happened at the vendor, whose clock may be ahead."""
    return min(receipt.at or now, now)


def _known(row: VendorAccount, found: Sequence[DeliveryReport]) -> list[tuple[DeliveryReport, int, int]]:
    """Each receipt with the message and the device it is about; one of neither is left out.

    By the message, or by the task and the token it was sent to, whatever token the device has by now.
    """
    if not found:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT said.number, m.message_id, m.device_id"
            " FROM unnest(%s::integer[], %s::bigint[], %s::bigint[], %s::bigint[])"
            " AS said(number, message_id, task_id, token_hash) CROSS JOIN LATERAL ("
            " SELECT * FROM channels_vendor_vendormessage WHERE message_id = said.message_id UNION ALL"
            " SELECT * FROM channels_vendor_vendormessage"
            " WHERE task_id = said.task_id AND token_hash = said.token_hash"
            ") m WHERE m.workspace_id = %s AND m.channel = %s",
            [
                list(range(len(found))),
                [receipt.reference.message_id for receipt in found],
                [receipt.reference.task_id for receipt in found],
                [token_hash(receipt.token) for receipt in found],
                row.workspace_id,
                row.channel,
            ],
        )
        return [(found[number], message_id, device_id) for number, message_id, device_id in cursor.fetchall()]


def _keep_words(known: Sequence[tuple[DeliveryReport, int, int]], now: datetime) -> None:
    """What a message's details show besides its arrival: the last word, by the vendor's clock."""
    last: dict[int, DeliveryReport] = {}
    for receipt, message_id, _ in known:
        if not receipt.arrived and (message_id not in last or _at(receipt, now) >= _at(last[message_id], now)):
            last[message_id] = receipt
    ordered = sorted(last)
    if not ordered:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_vendor_vendormessage m SET receipt_code = said.code, receipt_status = said.status,"
            " receipt_at = said.at FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::timestamptz[])"
            " AS said(message_id, code, status, at) WHERE m.message_id = said.message_id AND m.message_id IN"
            " (SELECT message_id FROM channels_vendor_vendormessage WHERE message_id = ANY(%s)"
            " ORDER BY message_id FOR UPDATE) AND coalesce(m.receipt_at, '-infinity') < said.at",
            [
                ordered,
                [last[message_id].vendor_code[:200] for message_id in ordered],
                [last[message_id].status for message_id in ordered],
                [_at(last[message_id], now) for message_id in ordered],
                ordered,
            ],
        )
