"""The audit log: who did what, when, from where. Entries are written once; the database refuses to change them.

Pages call `record`, and `record_for` while nobody is logged in. Pages of models record additions, changes and deletions
by themselves (`console.components.scoped_admin`), logins come by Django's signals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model, user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import override

from console.models import AuditEntry
from pushcore.models import App
from pushcore.security import proxies
from pushcore.storage import clock
from pushcore.storage.deletion import delete_in_steps

log = structlog.get_logger(__name__)

_SECRET = re.compile(r"secret|password|passwd|token|private|pem|credential|otp|sealed|hash|_key$", re.IGNORECASE)
MAX_TEXT = 200
MAX_DETAILS = 20
# Failed logins beyond these in a minute are not recorded: guessing fills no table.
MAX_FAILURES_PER_MINUTE = 60


def record(
    request: HttpRequest | None,
    action: str,
    obj: Model | None = None,
    details: Mapping[str, Any] | None = None,
    changes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write down that the request's user did `action` (`AuditEntry.Action`) to `obj`, in the caller's transaction.

    `details` are short values; values whose names sound like a secret's are left out. `changes`: what a form changed
    (`console.access.audit_changes`).
    """
    user = getattr(request, "user", None)
    known = user if user is not None and user.is_authenticated else None
    _write(request, action, obj, details, known, changes)


def record_for(
    request: HttpRequest, user: Any, action: str, obj: Model | None = None, details: Mapping[str, Any] | None = None
) -> None:
    """Record what `user` did without being logged in, after proving in another way who they are."""
    _write(request, action, obj, details, user)


def purge() -> int:
    """Delete entries older than `MPS_AUDIT_RETENTION_DAYS`: the only way an entry goes. Returns how many."""
    oldest = clock.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL mps.audit_purge = 'on'")
        deleted = delete_in_steps(AuditEntry.objects.filter(at__lt=oldest))
        cursor.execute("SET LOCAL mps.audit_purge = 'off'")
    return deleted


def sounds_like_a_secret(name: str) -> bool:
    """Tell whether what has this name may be a secret."""
    return _SECRET.search(name) is not None


def without_secrets(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the details as they are kept: short texts, no names that sound like a secret, not too many."""
    kept = [(name, value) for name, value in details.items() if not sounds_like_a_secret(name)]
    return {str(name)[:MAX_TEXT]: str(value)[:MAX_TEXT] for name, value in kept[:MAX_DETAILS]}


def _write(
    request: HttpRequest | None,
    action: str,
    obj: Model | None,
    details: Mapping[str, Any] | None,
    user: Any,
    changes: Sequence[Mapping[str, Any]] = (),
) -> None:
    meta = request.META if request is not None else {}
    entry = entry_of(action, obj, details, user)
    entry.address, entry.request_id = proxies.address_of(meta) or None, meta.get("mps.request_id", "")
    entry.changes = list(changes)
    entry.save(force_insert=True)


def entry_of(action: str, obj: Model | None, details: Mapping[str, Any] | None, user: Any) -> AuditEntry:
    """Make an entry, unsaved and in English: what `user` did to `obj`, by no request yet."""
    with override("en"):
        name = str(obj)[:MAX_TEXT] if obj is not None else ""
    return AuditEntry(
        user_id=user.pk if user is not None else None,
        username=user.get_username() if user is not None else "",
        action=action,
        app_id=_app_of(obj),
        object_type=obj._meta.verbose_name_raw if obj is not None else "",
        object_id=str(obj.pk) if obj is not None else "",
        object_name=name,
        details=without_secrets(details or {}),
    )


def _app_of(obj: Model | None) -> int | None:
    """Return the app (database id) an object belongs to, None for what belongs to none."""
    if isinstance(obj, App):
        return obj.pk
    owner = getattr(getattr(obj, "workspace", None), "app", None) or getattr(obj, "app", None)
    return owner.pk if isinstance(owner, App) else None


@receiver(user_logged_in, dispatch_uid="console.access.audit")
def _logged_in(request: HttpRequest, user: Any, **_: object) -> None:
    _write(request, AuditEntry.Action.LOGIN, None, None, user)


@receiver(user_logged_out, dispatch_uid="console.access.audit")
def _logged_out(request: HttpRequest, user: Any, **_: object) -> None:
    if user is not None:
        _write(request, AuditEntry.Action.LOGOUT, None, None, user)


@receiver(user_login_failed, dispatch_uid="console.access.audit")
def _login_failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    """Record a failed login. A name nobody has is left out: it may be a password typed into the wrong field."""
    if not _may_record_failure():
        return
    user = get_user_model().objects.filter(username=credentials.get("username") or "").first()
    _write(request, AuditEntry.Action.LOGIN_FAILED, None, {} if user else {"user": "unknown"}, user)


def record_failed_code(request: HttpRequest | None, user: Any) -> None:
    """Record a right password with a wrong second factor."""
    if _may_record_failure():
        _write(request, AuditEntry.Action.LOGIN_FAILED, None, {"what": "The authentication code was wrong."}, user)


def _may_record_failure() -> bool:
    key = f"audit-failures-{int(clock.now().timestamp()) // 60}"
    try:
        cache.add(key, 0, timeout=120)
        return bool(cache.incr(key) <= MAX_FAILURES_PER_MINUTE)
    except Exception:  # the cache is a help, not a condition, whatever it raises
        log.warning("Valkey is unavailable; failed logins are recorded without a limit")
        return True
