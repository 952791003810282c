"""Receive delivery reports of SMS.

The address holds the account's key, which nobody can guess; reports that the provider signs are verified. What is said
twice counts once, and what is said of another workspace's SMS changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pushcore.inbound.head_check import head_check
from pushcore.storage import clock
from pushcore.storage.sql import statements
from sms.base.contract import SmsReport
from sms.models import SmsAccount, SmsMessage

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

MAX_BYTES = 1_048_576
MAX_REPORTS = 5_000
State = SmsMessage.State


def _check_head(_request: HttpRequest, key: str) -> None:
    """Check the address, which is the credential. Raises `Http404`."""
    _account_of_address(key)


@head_check(_check_head)
@csrf_exempt
@require_POST
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """Take what a provider posts.

    Returns:
        200 with the answer the provider wants once all is written; 400 for what is no report or forged.

    Raises:
        Http404: Nobody has the key.
    """
    row = _account_of_address(key)
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    # As the provider was told it, which is what it signs: a proxy may have changed scheme and host.
    address = f"{settings.PUBLIC_URL}{request.get_full_path()}"
    try:
        reports = row.description.read_reports(row.account(), address, headers, body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning("SMS report refused", workspace=row.workspace_id, error=type(error).__name__)
        return HttpResponseBadRequest("no report")
    if len(reports) > MAX_REPORTS:
        return HttpResponseBadRequest("too many at once")
    record(row, reports)
    return HttpResponse(row.description.report_answer, content_type="application/json")


def _account_of_address(key: str) -> SmsAccount:
    """Return the account whose provider posts reports to this address. Raises `Http404`."""
    row = SmsAccount.objects.filter(report_key=key).first() if len(key) <= 32 and "\0" not in key else None
    if row is None:
        raise Http404
    return row


def record(row: SmsAccount, found: Sequence[SmsReport]) -> int:
    """Write what a provider says later of SMS; of one that is named twice the last counts. One statement.

    Returns:
        How many SMS of the account's workspace it was about.
    """
    last = {report.message_id: report for report in found}
    reports = [last[message_id] for message_id in sorted(last)]
    if not reports:
        return 0
    now = clock.now()
    states = {True: State.DELIVERED, False: State.FAILED, None: None}
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["record"],
            {
                "ids": [report.message_id for report in reports],
                "states": [states[report.delivered] for report in reports],
                "codes": [report.code for report in reports],
                "segments": [report.segments for report in reports],
                "prices": [report.price for report in reports],
                "currencies": [report.currency for report in reports],
                "at": [min(report.at or now, now) for report in reports],
                "workspace": row.workspace_id,
                "reportable": [State.SENDING.value, State.SENT.value, State.UNKNOWN.value, State.FAILED.value],
                "delivered": State.DELIVERED.value,
            },
        )
        return int(cursor.rowcount)
