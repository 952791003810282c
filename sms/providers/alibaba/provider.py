"""Alibaba Cloud SMS: SendSms of the API Dysmsapi (2017-05-25), and its delivery reports by HTTP.

"This API does not support idempotence": what may have been sent is never sent again. A call's nonce is made of the
message and the attempt, so that Alibaba Cloud refuses the same call a second time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from django.utils.translation import gettext_noop as _

from pushcore.http.calls import HttpAnswer, HttpCall
from pushcore.ports import SmsWish
from pushcore.security.account_fields import AccountField
from pushcore.storage import clock, ids
from sms.base import sentences
from sms.base.answers import broken, code_of, count_of, json_of
from sms.base.contract import Account, OutgoingSms, ProviderDescription, SendResult, SmsReport, Verdict
from sms.providers.alibaba import signature
from sms.providers.alibaba.errors import is_known, verdict_of

BASE_URL = "https://dysmsapi.aliyuncs.com"
_VERSION = "2017-05-25"
# Times in reports have no zone; they are China's.
_CHINA = timezone(timedelta(hours=8))


def _call(account: Account, sms: OutgoingSms) -> HttpCall:
    parameters = {
        "OutId": str(sms.message_id),
        "PhoneNumbers": sms.phone_number.removeprefix("+"),
        "SignName": sms.wish.sign_name or account.get("sign_name"),
        "TemplateCode": sms.wish.template_code,
    }
    if sms.wish.template_param:
        parameters["TemplateParam"] = sms.wish.template_param
    return _signed(account, parameters, nonce=f"{sms.message_id}-{sms.attempts}")


def _check(account: Account) -> HttpCall:
    """Name no phone number: an account that is right is told that it is missing."""
    parameters = {"SignName": account.get("sign_name") or "-", "TemplateCode": "SMS_0"}
    return _signed(account, parameters, nonce=f"check-{clock.time()}")


def _signed(account: Account, parameters: Mapping[str, str], *, nonce: str) -> HttpCall:
    query = signature.signed_query(parameters)
    lines = signature.headers(
        account.base_url,
        "SendSms",
        _VERSION,
        query,
        key_id=account.get("access_key_id"),
        secret=account.get("access_key_secret"),
        nonce=hashlib.sha256(f"{account.workspace_id}-{nonce}".encode()).hexdigest()[:32],
        now=clock.now(),
    )
    return HttpCall(f"{account.base_url}/?{query}", b"", lines)


def _read(answer: HttpAnswer) -> SendResult:
    read = json_of(answer.body) if not answer.error else {}
    code = str(read.get("Code") or "")
    # Errors come with a status of their own, throttling as 503 too: what is in the table goes by its code.
    failed = broken(answer)
    if not code or (failed is not None and not is_known(code)):
        return failed or SendResult(Verdict.REFUSED, code=code_of(code) or f"HTTP-{answer.status}")
    return SendResult(verdict_of(code), str(read.get("BizId") or "")[:64], code_of(code))


def _problem(values: Mapping[str, str], wish: SmsWish) -> str:
    if not wish.template_code:
        return sentences.NO_TEMPLATE
    return "" if wish.sign_name or values.get("sign_name") else sentences.NO_SIGNATURE


def _render(values: Mapping[str, str], wish: SmsWish, text: str) -> str:
    return f"【{wish.sign_name or values.get('sign_name', '')}】{wish.template_code} {wish.template_param}".rstrip()


def _read_reports(account: Account, url: str, headers: Mapping[str, str], body: bytes) -> Sequence[SmsReport]:
    """Read SmsReport (help.aliyun.com, document 120998). It is not signed: the address is the secret."""
    read = json.loads(body)
    if not isinstance(read, list):
        raise ValueError("no list of reports")
    return [report for entry in read if (report := _report(entry)) is not None]


def _report(entry: Any) -> SmsReport | None:
    message_id = ids.parse(str(entry.get("out_id") or ""))
    if message_id is None or not isinstance(entry.get("success"), bool):
        return None
    return SmsReport(
        message_id,
        entry["success"],
        "" if entry["success"] else code_of(entry.get("err_code")),
        count_of(entry.get("sms_size")),
        at=_time_of(entry.get("report_time")),
    )


def _time_of(text: Any) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
    except ValueError:
        return None


PROVIDER = ProviderDescription(
    name="alibaba",
    title=_("Alibaba Cloud SMS"),
    fields=(
        AccountField("access_key_id", _("AccessKey ID")),
        AccountField("access_key_secret", _("AccessKey secret"), secret=True),
        AccountField(
            "sign_name",
            _("Signature"),
            required=False,
            help_text=_("Approved by the provider; of pushes that name none."),
        ),
    ),
    base_url=BASE_URL,
    # "This API has a queries per second (QPS) limit of 5,000 for each user": part of it, for others use the account.
    rate=100,
    call=_call,
    read=_read,
    check=_check,
    problem=_problem,
    render=_render,
    read_reports=_read_reports,
    report_answer=json.dumps({"code": 0, "msg": "ok"}).encode(),
    console_url="https://dysms.console.aliyun.com",
)
