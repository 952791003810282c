"""Twilio: the Messages resource (2010-04-01), and its status callbacks.

Creating a message takes no idempotency key, so what may have been sent is never sent again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

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
from sms.providers.twilio.errors import DELIVERED, VERDICTS

BASE_URL = "https://api.twilio.com"
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-f]{32}")
_CONTENT_SID = re.compile(r"HX[0-9a-f]{32}")
_SENDER = re.compile(r"\+?[0-9A-Za-z &_-]{1,15}")
_COUNTRY_CODE = re.compile(r"[1-9][0-9]{0,2}")


def _call(account: Account, sms: OutgoingSms) -> HttpCall | None:
    sender, number = account.get("sender"), international(sms.phone_number, account.get("country_code"))
    if not number:
        return None
    form = {
        "To": number,
        "MessagingServiceSid" if _SERVICE_SID.fullmatch(sender) else "From": sender,
    }
    if sms.wish.template_code:
        form["ContentSid"] = sms.wish.template_code
        if sms.wish.template_param:
            form["ContentVariables"] = sms.wish.template_param
    else:
        form["Body"] = _text(sms.wish, sms.text)
    if account.report_url:
        form["StatusCallback"] = f"{account.report_url}?message={sms.message_id}"
    return _post(account, form)


def _check(account: Account) -> HttpCall:
    """Name no receiver: an account that is right is told that it is missing."""
    return _post(account, {"Body": "-"})


def _post(account: Account, form: Mapping[str, str]) -> HttpCall:
    sid = account.get("account_sid")
    credentials = base64.b64encode(f"{sid}:{account.get('auth_token')}".encode()).decode()
    return HttpCall(
        f"{account.base_url}/2010-04-01/Accounts/{sid}/Messages.json",
        urlencode(form).encode(),
        (f"Authorization: Basic {credentials}", "Content-Type: application/x-www-form-urlencoded"),
    )


def _read(answer: HttpAnswer) -> SendResult:
    if (failed := broken(answer)) is not None:
        return failed
    read = json_of(answer.body)
    if answer.ok:
        refused = read.get("status") in ("failed", "undelivered")
        return SendResult(
            Verdict.REFUSED if refused else Verdict.ACCEPTED,
            str(read.get("sid") or "")[:64],
            code_of(read.get("error_code")),
            count_of(read.get("num_segments")),
            price_of(read.get("price")),
            str(read.get("price_unit") or "")[:3].upper(),
        )
    code = read.get("code")
    otherwise = {401: Verdict.MISCONFIGURED, 429: Verdict.RETRY}.get(answer.status or 0, Verdict.REFUSED)
    verdict = VERDICTS.get(code, otherwise) if isinstance(code, int) else otherwise
    return SendResult(verdict, code=code_of(code) or f"HTTP-{answer.status}")


def _text(wish: SmsWish, text: str) -> str:
    return f"[{wish.sign_name}] {text}" if wish.sign_name else text


def _problem(values: Mapping[str, str], wish: SmsWish) -> str:
    is_none = wish.template_code and not _CONTENT_SID.fullmatch(wish.template_code)
    return sentences.NO_CONTENT_SID if is_none else ""


def _render(values: Mapping[str, str], wish: SmsWish, text: str) -> str:
    return f"{wish.template_code} {wish.template_param}".rstrip() if wish.template_code else _text(wish, text)


def _validate(values: Mapping[str, str]) -> Mapping[str, str]:
    wrong = {}
    if not _ACCOUNT_SID.fullmatch(values.get("account_sid", "")):
        wrong["account_sid"] = sentences.NO_ACCOUNT_SID
    sender = values.get("sender", "")
    if not (_SENDER.fullmatch(sender) or _SERVICE_SID.fullmatch(sender)):
        wrong["sender"] = sentences.NO_SENDER
    return wrong | wrong_country_code(values)


def wrong_country_code(values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the country code of numbers that have none."""
    code = values.get("country_code", "")
    return {"country_code": sentences.NO_COUNTRY_CODE} if code and not _COUNTRY_CODE.fullmatch(code) else {}


def signature_of(url: str, form: Mapping[str, str], auth_token: str) -> str:
    """Return Twilio's signature of a callback: twilio.com/docs/usage/security, "Validating Signatures"."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(form.items()))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _read_reports(account: Account, url: str, headers: Mapping[str, str], body: bytes) -> Sequence[SmsReport]:
    form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    expected = signature_of(url, form, account.get("auth_token"))
    if not crypto.same_secret(headers.get("x-twilio-signature", ""), expected):
        raise ValueError("the signature does not fit")
    message_id = ids.parse(parse_qs(urlsplit(url).query).get("message", [""])[0])
    if message_id is None:
        raise ValueError("no message")
    delivered = DELIVERED.get(form.get("MessageStatus", ""))
    return [
        SmsReport(
            message_id,
            delivered,
            code_of(form.get("ErrorCode", "")),
            count_of(form.get("NumSegments", "")),
            price_of(form.get("Price", "")),
            form.get("PriceUnit", "")[:3].upper(),
        )
    ]


PROVIDER = ProviderDescription(
    name="twilio",
    title="Twilio",
    fields=(
        AccountField("account_sid", _("Account SID")),
        AccountField("auth_token", _("Auth token"), secret=True),
        AccountField("sender", _("Sender"), help_text=_("A number, a sender ID or a messaging service (MG...).")),
        AccountField(
            "country_code",
            _("Country code"),
            required=False,
            help_text=_("Of phone numbers that have none, such as 86; without it they get no SMS."),
        ),
    ),
    base_url=BASE_URL,
    # What exceeds the sender's own rate waits in Twilio's queue.
    rate=50,
    call=_call,
    read=_read,
    check=_check,
    validate=_validate,
    problem=_problem,
    render=_render,
    read_reports=_read_reports,
    report_answer=b"",
    console_url="https://console.twilio.com",
)
