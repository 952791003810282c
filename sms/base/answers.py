"""Read answers and reports of providers: JSON, codes without sentences, prices, and what a broken call means."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from pushcore.http.calls import HttpAnswer
from sms.base.contract import SendResult, Verdict

MAX_CODE_LENGTH = 100
_NO_CODE = re.compile(r"[^A-Za-z0-9._:-]+")
# A code with so many digits in a row may be a phone number.
_MANY_DIGITS = re.compile(r"\d{7,}")


def code_of(value: Any) -> str:
    """Return a provider's code without anything that could be a sentence or a phone number."""
    code = _NO_CODE.sub("_", str(value if value is not None else ""))[:MAX_CODE_LENGTH]
    return _MANY_DIGITS.sub("_", code)


def json_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; an empty one where there is none."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def broken(answer: HttpAnswer) -> SendResult | None:
    """Return what a call without a usable answer means; None where there is one.

    A call that the provider may have seen may have sent the SMS.
    """
    if answer.error:
        return SendResult(Verdict.UNKNOWN if answer.sent else Verdict.RETRY, code="unreachable")
    if answer.status is not None and answer.status >= 500:
        return SendResult(Verdict.UNKNOWN, code=f"HTTP-{answer.status}")
    return None


def price_of(value: Any) -> Decimal | None:
    """Return a price, never negative; None for what is none. Twilio says what it takes as a negative number."""
    try:
        price = abs(Decimal(str(value)))
    except InvalidOperation:
        return None
    return price if price.is_finite() and price < 1_000_000 else None


def count_of(value: Any) -> int | None:
    """Return a number of segments; None for what is none, and for 0, which says that it is not known yet."""
    text = str(value)
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    return count or None
