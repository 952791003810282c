"""Vendors' receipts: what they say later of messages they accepted.

The address holds the account's key, which nobody can guess: most vendors sign nothing. What is said twice counts once,
and a word about a message that nobody knows, or of another workspace's device, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_vendor.contract import VendorReceipt
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from pushcore import devices, outcomes
from pushcore.channels import Channel

log = structlog.get_logger(__name__)

# Vendors send up to 1000 results at once, of some 300 bytes.
MAX_BYTES = 1_048_576
MAX_RECEIPTS = 5_000


@csrf_exempt
@require_POST
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """200 with the answer the vendor wants once all is written; 400 for what is no receipt or forged; 404 for a key
    nobody has. Vendors repeat what was not answered with 200."""
    row = VendorAccount.objects.filter(receipt_key=key).first() if len(key) <= 64 and "\0" not in key else None
    vendor = VENDORS.get(Channel(row.channel)) if row else None
    if row is None or vendor is None or vendor.read_receipts is None:
        raise Http404
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        found = vendor.read_receipts(row.account(allow_private=False), headers, request.GET.dict(), body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning(
            "vendor receipt refused", channel=vendor.channel.label, workspace=row.workspace_id, error=str(error)
        )
        return HttpResponseBadRequest("no receipt")
    if len(found) > MAX_RECEIPTS:
        return HttpResponseBadRequest("too many at once")
    record(row, found)
    return HttpResponse(vendor.receipt_answer, content_type="application/json")


def record(row: VendorAccount, found: Sequence[VendorReceipt]) -> int:
    """Note arrivals and dead tokens; returns how many messages are newly known to have arrived. A fixed number of
    statements, one transaction."""
    now = timezone.now()
    with transaction.atomic():
        known = _known(row, found)
        arrived = [message_id for receipt, message_id, _ in known if receipt.arrived]
        count = outcomes.record_arrivals(sorted(set(arrived)))
        devices.drop_third_tokens([(device_id, receipt.token, now) for receipt, _, device_id in known if receipt.gone])
    return count


def _known(row: VendorAccount, found: Sequence[VendorReceipt]) -> list[tuple[VendorReceipt, int, int]]:
    """Each receipt with the message and the device it is about; one of neither is left out.

    By the task and the device that has (or had, while the message was on its way) the token at this vendor.
    """
    named = [receipt for receipt in found if receipt.task_id is not None and abs(receipt.task_id) < 2**63]
    if not named:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT said.number, m.message_id, m.device_id"
            " FROM unnest(%s::integer[], %s::bigint[], %s::text[]) AS said(number, task_id, token)"
            " JOIN pushcore_device d ON d.workspace_id = %s AND d.third_token = said.token AND d.third_token <> ''"
            " JOIN channels_vendor_vendormessage m ON m.device_id = d.id AND m.task_id = said.task_id"
            " AND m.workspace_id = %s AND m.channel = %s",
            [
                list(range(len(named))),
                [receipt.task_id for receipt in named],
                [receipt.token.replace("\0", "") for receipt in named],
                row.workspace_id,
                row.workspace_id,
                row.channel,
            ],
        )
        return [(named[number], message_id, device_id) for number, message_id, device_id in cursor.fetchall()]
