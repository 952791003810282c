"""One's own page: where one is logged in, and the end of that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from console.access import login_sessions
from console.models import AuditEntry, LoginSession
from console.tasks import purge

PROFILE = "/console/profile/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604"
)

pytestmark = pytest.mark.django_db


def logged_in(name: str, browser: str) -> Client:
    if not User.objects.filter(username=name).exists():
        User.objects.create_user(name, password="correct horse", is_staff=True)
    client = Client(headers={"user-agent": browser})
    given = {"username": name, "password": "correct horse"}
    assert client.post("/console/login/", given).status_code == 302
    return client


def is_logged_in(client: Client) -> bool:
    return client.get(PROFILE).status_code == 200


def test_every_session_is_shown_with_browser_and_address() -> None:
    desk, _phone, _stranger = logged_in("ann", FIREFOX), logged_in("ann", SAFARI), logged_in("bob", "curl/8")
    text = desk.get(PROFILE).text
    assert text.count("Firefox, Linux") == text.count("Safari, iPhone") == 1
    assert "curl" not in text
    assert "127.0.0.1" in text
    assert not [key for key in Session.objects.values_list("pk", flat=True) if key in text]


def test_one_other_session_is_ended_and_it_is_written() -> None:
    desk, phone, tablet = (logged_in("ann", browser) for browser in (FIREFOX, SAFARI, SAFARI))
    ended = LoginSession.objects.get(session=phone.cookies["sessionid"].value)
    assert desk.post(PROFILE, {"end": ended.pk}).status_code == 302
    assert [is_logged_in(one) for one in (desk, phone, tablet)] == [True, False, True]
    (entry,) = AuditEntry.objects.filter(action="change")
    assert entry.details == {"what": "Ended sessions of their own.", "sessions": "1"}


def test_all_others_are_ended_but_nobody_elses() -> None:
    desk, phone, bob = logged_in("ann", FIREFOX), logged_in("ann", SAFARI), logged_in("bob", SAFARI)
    assert desk.post(PROFILE, {"end": "others"}).status_code == 302
    assert [is_logged_in(one) for one in (desk, phone, bob)] == [True, False, True]


def test_a_session_of_somebody_else_cannot_be_named() -> None:
    ann, bob = logged_in("ann", FIREFOX), logged_in("bob", FIREFOX)
    theirs = LoginSession.objects.get(session=bob.cookies["sessionid"].value)
    for wanted in (str(theirs.pk), "", "x", "9" * 30):
        assert ann.post(PROFILE, {"end": wanted}).status_code == 404
    assert is_logged_in(bob)


def test_a_session_is_known_again_after_a_changed_password() -> None:
    ann = logged_in("ann", FIREFOX)
    given = {"old_password": "correct horse", "new_password1": "battery staple 1", "new_password2": "battery staple 1"}
    assert ann.post("/console/password_change/", given).status_code == 302
    assert "This session" in ann.get(PROFILE).text


def test_when_it_was_last_seen_is_kept_by_the_minute() -> None:
    ann = logged_in("ann", FIREFOX)
    kept = LoginSession.objects.get()
    ann.get(PROFILE)
    assert LoginSession.objects.get().last_seen_at == kept.last_seen_at
    LoginSession.objects.update(last_seen_at=timezone.now() - 2 * login_sessions.PRECISION)
    ann.get(PROFILE)
    assert LoginSession.objects.get().last_seen_at > kept.last_seen_at
    assert LoginSession.objects.get().started_at == kept.started_at


def test_expired_sessions_are_not_kept() -> None:
    logged_in("ann", FIREFOX)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    purge()
    assert not Session.objects.exists()
    assert not LoginSession.objects.exists()
