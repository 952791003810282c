"""How a call with a bad signature is refused: HTTP status and code."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pushcore.models import Message, MessageKey, PushTask

Refusal = tuple[int, str]

MISMATCH = (400, "SignatureDoesNotMatch")
UNKNOWN_KEY = (404, "InvalidAccessKeyId.NotFound")
DISABLED_KEY = (403, "InvalidAccessKeyId.Inactive")
EXPIRED = (400, "InvalidTimeStamp.Expired")
NO_TIME = (400, "InvalidTimeStamp.Format")
USED_NONCE = (400, "SignatureNonceUsed")
UNSUPPORTED = (400, "UnsupportedSignatureMethod")
WRONG_SIGN = (200, "-1")
UNKNOWN_SIGN_TYPE = (200, "3033")


def stamp(**offset: int) -> str:
    """Return the current time, shifted by `timedelta(**offset)`, as both versions of the RPC API write it."""
    return (datetime.now(tz=UTC) + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def refusal(response: Any) -> Refusal:
    """Return HTTP status and code of an answer; fail if it is a success or anything was pushed."""
    body = json.loads(response.content)
    code = body.get("Code") or body.get("ResultCode") or body["code"]
    assert code not in ("100", "OK"), body
    assert not PushTask.objects.exists()
    assert not Message.objects.exists()
    assert not MessageKey.objects.exists()
    return response.status_code, code


def forget_pushes() -> None:
    """Delete what an accepted call left, so that `refusal` sees what the next one does."""
    Message.objects.all().delete()
    MessageKey.objects.all().delete()
    PushTask.objects.all().delete()


def cases(table: dict[str, tuple[Any, Refusal]]) -> Any:
    """Parametrize a test by a table: name -> (change, the expected refusal)."""
    return pytest.mark.parametrize(
        ("change", "refused"), [pytest.param(change, refused, id=name) for name, (change, refused) in table.items()]
    )
