"""Any service that takes an SMS as one HTTP POST: address, headers and body are the operator's.

Each call carries `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), the same for the same SMS, so that
services that know it send nothing twice. Delivery reports are JSON, signed with the account's report secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

from django.utils.translation import gettext_noop as _

from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.ports import SmsWish
from pushcore.security import crypto
from pushcore.security.account_fields import AccountField
from pushcore.storage import ids
from sms.base import sentences
from sms.base.answers import broken, code_of, count_of, json_of, price_of
from sms.base.contract import Account, OutgoingSms, ProviderDescription, SendResult, SmsReport, Verdict
from sms.base.phone_numbers import international
from sms.providers.generic.errors import VERDICTS
from sms.providers.twilio.provider import wrong_country_code

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
SIGNATURE_HEADER = "x-mps-signature"
_PLACEHOLDER = re.compile(r"#(phone|text|sign|template|param|id)#")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}: ?[\x21-\x7e][\x20-\x7e]{0,2000}")
_STATUSES = {"delivered": True, "failed": False}


def _call(account: Account, sms: OutgoingSms) -> HttpCall:
    code = account.get("country_code")
    values = {
        "phone": international(sms.phone_number, code) if code else sms.phone_number,
        "text": sms.text,
        "sign": sms.wish.sign_name,
        "template": sms.wish.template_code,
        "param": sms.wish.template_param,
        "id": str(sms.message_id),
    }
    content_type = account.get("content_type") or JSON
    return HttpCall(
        account.base_url,
        _filled(account.get("body"), content_type, values).encode(),
        (*_headers(account.values), f"Content-Type: {content_type}", f"Idempotency-Key: mps-{sms.message_id}"),
    )


def _filled(body: str, content_type: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders in, each as the body's kind writes a text."""
    encode = quote_plus if content_type == FORM else lambda text: json.dumps(text, ensure_ascii=False)[1:-1]
    return _PLACEHOLDER.sub(lambda found: encode(values[found[1]]), body)


def _headers(values: Mapping[str, str]) -> list[str]:
    return [line.strip() for line in values.get("headers", "").splitlines() if line.strip()]


def _read(answer: HttpAnswer) -> SendResult:
    if (failed := broken(answer)) is not None:
        return failed
    read = json_of(answer.body)
    if answer.ok:
        provider_id = str(read.get("id") or "")[:64]
        price, currency = price_of(read.get("price")), str(read.get("currency") or "")[:3].upper()
        return SendResult(Verdict.ACCEPTED, provider_id, "", count_of(read.get("segments")), price, currency)
    return SendResult(VERDICTS.get(answer.status or 0, Verdict.REFUSED), code=f"HTTP-{answer.status}")


def _problem(values: Mapping[str, str], wish: SmsWish) -> str:
    return ""


def _render(values: Mapping[str, str], wish: SmsWish, text: str) -> str:
    return text


def _validate(values: Mapping[str, str]) -> Mapping[str, str]:
    wrong, body = wrong_country_code(values), values.get("body", "")
    if "#phone#" not in body:
        wrong["body"] = sentences.NO_PLACEHOLDER
    elif (values.get("content_type") or JSON) == JSON:
        try:
            json.loads(_filled(body, JSON, dict.fromkeys(("phone", "text", "sign", "template", "param", "id"), "")))
        except ValueError:
            wrong["body"] = sentences.NO_JSON
    if not all(_HEADER.fullmatch(line) for line in _headers(values)):
        wrong["headers"] = sentences.NO_HEADER
    return wrong


def signature_of(body: bytes, secret: str) -> str:
    """Return the signature of a report: HMAC with SHA-256 of its body, in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _read_reports(account: Account, url: str, headers: Mapping[str, str], body: bytes) -> Sequence[SmsReport]:
    secret = account.get("report_secret")
    if not secret or not crypto.same_secret(headers.get(SIGNATURE_HEADER, ""), signature_of(body, secret)):
        raise ValueError("the signature does not fit")
    read = json.loads(body)
    reports = []
    for entry in read if isinstance(read, list) else [read]:
        message_id = ids.parse(str(entry["id"]))
        if message_id is None:
            raise ValueError("no message")
        reports.append(
            SmsReport(
                message_id,
                _STATUSES[entry["status"]],
                code_of(entry.get("code")),
                count_of(entry.get("segments")),
                price_of(entry.get("price")),
                str(entry.get("currency") or "")[:3].upper(),
            )
        )
    return reports


PROVIDER = ProviderDescription(
    name="http",
    title=_("Another service, by HTTP"),
    fields=(
        AccountField("content_type", _("Content type"), required=False, choices=(JSON, FORM)),
        AccountField(
            "body",
            _("Body"),
            multiline=True,
            help_text=_("With #phone#, #text#, #sign#, #template#, #param# and #id# where these go."),
        ),
        AccountField(
            "headers",
            _("Headers"),
            secret=True,
            required=False,
            multiline=True,
            help_text=_("One a line, such as Authorization: Bearer ..."),
        ),
        AccountField(
            "country_code",
            _("Country code"),
            required=False,
            help_text=_("Of phone numbers that have none, such as 86; without it they are sent as they are."),
        ),
        AccountField(
            "report_secret",
            _("Report secret"),
            secret=True,
            required=False,
            help_text=_("Delivery reports are signed with it; without it none are taken."),
        ),
    ),
    base_url="",
    rate=20,
    call=_call,
    read=_read,
    check=None,
    validate=_validate,
    problem=_problem,
    render=_render,
    read_reports=_read_reports,
)
