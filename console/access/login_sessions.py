"""From where users are logged in: the browser and address of each of their sessions, which they can end."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth import user_logged_in
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest

from console.models import LoginSession
from pushcore.security import proxies
from pushcore.storage import clock

# When a session was last seen is known to this precision: not every page writes.
PRECISION = timedelta(minutes=1)
# The first that a browser's name for itself contains tells what it is: most also name those they descend from.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "MicroMessenger": "WeChat",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "OpenHarmony": "HarmonyOS",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


def note(request: HttpRequest) -> None:
    """Keep where the request's user uses the session from, and when it was last seen."""
    known = LoginSession.objects.filter(session=request.session.session_key).first()
    if known is None or known.last_seen_at < clock.now() - PRECISION:
        _keep(request, request.user)


def _keep(request: HttpRequest, user: Any) -> None:
    now = clock.now()
    seen = {
        "user": user,
        "address": proxies.address_of(request.META) or None,
        "browser": request.headers.get("user-agent", "")[:300],
        "last_seen_at": now,
    }
    # Another page may have ended the session meanwhile.
    with suppress(IntegrityError), transaction.atomic():
        LoginSession.objects.update_or_create(
            session_id=request.session.session_key, defaults=seen, create_defaults=seen | {"started_at": now}
        )


@receiver(user_logged_in, dispatch_uid="console.access.login_sessions")
def _logged_in(request: HttpRequest, user: Any, **_: object) -> None:
    if request.session.session_key is not None:
        _keep(request, user)


def sessions_of(user: User) -> QuerySet[LoginSession]:
    """Return the user's sessions that have not expired, the one seen last first."""
    return LoginSession.objects.filter(user=user, session__expire_date__gt=clock.now()).order_by("-last_seen_at")


def end(sessions: QuerySet[LoginSession]) -> int:
    """End sessions: their next page asks for a login, their live figures stop within seconds. Returns how many."""
    _rows, by_model = Session.objects.filter(pk__in=list(sessions.values_list("session_id", flat=True))).delete()
    return by_model.get(Session._meta.label, 0)


def name_of(browser: str) -> str:
    """Name a browser and its system, such as "Firefox, Linux", from what it says of itself; "" if neither is known."""
    found = [next((name for sign, name in table.items() if sign in browser), "") for table in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found))
