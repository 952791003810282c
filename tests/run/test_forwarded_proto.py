"""Behind HTTPS, cookies are Secure and HSTS is sent, if a trusted proxy says so."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

PROXY = "10.0.0.2"
LOGIN = reverse("admin:login")
HSTS = "Strict-Transport-Security"


@pytest.fixture(autouse=True)
def _a_proxy(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]


def log_in(peer: str, proto: str) -> Client:
    """Return a browser that has logged in and chosen its language."""
    User.objects.create_superuser("root", password="correct horse")
    browser = Client(headers={"x-forwarded-proto": proto}, REMOTE_ADDR=peer)
    given = {"username": "root", "password": "correct horse", "code": ""}
    assert browser.post(LOGIN, given).status_code == 302
    assert browser.post("/console/i18n/setlang/", {"language": "en"}).status_code == 302
    browser.get(LOGIN)
    return browser


@pytest.mark.django_db
def test_over_https_every_cookie_is_secure() -> None:
    cookies = log_in(PROXY, "https").cookies
    assert set(cookies) == {"sessionid", "csrftoken", "django_language"}
    assert all(cookie["secure"] for cookie in cookies.values())


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "proto"), [(PROXY, "http"), (PROXY, "https-no"), ("192.0.2.7", "https")])
def test_without_https_or_by_an_untrusted_header_cookies_are_not_secure(peer: str, proto: str) -> None:
    assert not any(cookie["secure"] for cookie in log_in(peer, proto).cookies.values())


@pytest.mark.django_db
def test_browsers_get_strict_transport_security() -> None:
    answer = Client().get(LOGIN, headers={"x-forwarded-proto": "https"}, REMOTE_ADDR=PROXY)
    assert answer[HSTS] == "max-age=31536000"
    assert HSTS not in Client().get(LOGIN)
    assert HSTS not in Client().get(LOGIN, headers={"x-forwarded-proto": "https"}, REMOTE_ADDR="192.0.2.7")
