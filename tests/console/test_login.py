"""Logging in: guessing is stopped, and a second factor is asked of those who set one up."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import pytest
from axes.handlers.cache import AxesCacheHandler
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisDown

from console.access import second_factor
from console.models import AuditEntry, SecondFactor
from console.pages.login import PROVEN
from console.pages.two_factor import PROVEN_UNTIL

LOGIN = reverse("admin:login")
CODE = reverse("admin:login_code")
PAGE = reverse("admin:two_factor")
PASSWORD = "correct horse"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def log_in(password: str = PASSWORD, code: str = "", name: str = "root", address: str = "127.0.0.1") -> int:
    """1 logged in, 0 not, 429 locked out. `code`: typed on the second page, if there is one."""
    browser = Client()
    answer = browser.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302 and answer["Location"].startswith(CODE):
        answer = browser.post(answer["Location"], {"code": code}, REMOTE_ADDR=address)
    return {302: 1, 200: 0}.get(answer.status_code, answer.status_code)


def secret_of(page: str) -> bytes:
    address = re.search(r"otpauth://[^<\s]+", page)
    assert address
    secret = parse_qs(urlsplit(address[0].replace("&amp;", "&")).query)["secret"][0]
    return base64.b32decode(secret + "=" * (-len(secret) % 8))


def code_of(key: bytes, step: int = 0) -> str:
    totp = TOTP(key)
    totp.drift = step
    return f"{totp.token():06d}"


@pytest.fixture
def protected(root: User) -> tuple[bytes, list[str]]:
    """A user with a second factor: its key and the recovery codes."""
    factor = second_factor.begin(root.pk)
    codes = second_factor.confirm(root.pk, code_of(factor.key))
    assert codes
    return factor.key, codes


def test_five_wrong_passwords_lock_the_name_out_at_that_address(root: User) -> None:
    assert [log_in("wrong") for _ in range(5)] == [0, 0, 0, 0, 429]
    assert log_in() == 429
    assert log_in(address="192.0.2.7") == 1


def test_an_address_that_tries_many_names_is_locked_out_for_all(root: User, settings: Settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 8
    assert [log_in("Spring2026!", name=f"user{number}") for number in range(8)] == [0] * 8
    assert log_in("Spring2026!", name="user9") == 429
    assert log_in() == 429
    assert log_in(address="192.0.2.7") == 1


def test_an_ipv6_customer_is_one_address_and_a_login_forgets_no_failure_of_others(
    root: User, settings: Settings
) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 6
    for number in range(3):
        assert log_in("wrong", name=f"user{number}", address=f"2001:db8::{number}") == 0
    assert log_in(address="2001:db8::7") == 1
    for number in range(3):
        assert log_in("wrong", name=f"user{number}", address=f"2001:db8::ff:{number}") == 0
    assert log_in(address="2001:db8::8") == 429
    assert log_in(address="2001:db8:0:1::8") == 1


def test_the_lockout_says_for_how_long(root: User) -> None:
    for _ in range(5):
        log_in("wrong")
    answer = Client().post(LOGIN, {"username": "root", "password": PASSWORD})
    assert "15 minutes" in answer.text
    assert Client().get(LOGIN).status_code == 200


def test_a_login_forgets_the_failures_before_it(root: User) -> None:
    for _ in range(2):
        assert [log_in("wrong") for _ in range(4)] == [0, 0, 0, 0]
        assert log_in() == 1


def test_without_valkey_a_login_works(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise RedisDown

    for name in ("get_failures", "user_login_failed", "user_logged_in"):
        monkeypatch.setattr(AxesCacheHandler, name, down)
    assert log_in("wrong") == 0
    assert log_in() == 1


def test_whoever_has_no_second_factor_logs_in_without(root: User) -> None:
    assert log_in() == 1


def test_set_up_with_the_qr_code_the_second_factor_is_asked_for(root: User) -> None:
    browser = Client()
    browser.force_login(root)
    shown = browser.post(PAGE, {"do": "begin", "password": PASSWORD}).text
    assert "<svg" in shown
    key = secret_of(shown)
    assert log_in() == 1  # of no effect yet
    wrong = browser.post(PAGE, {"do": "confirm", "code": "000000"}).text
    assert "not the present code" in wrong
    assert secret_of(wrong) == key
    SecondFactor.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    codes = browser.post(PAGE, {"do": "confirm", "code": code_of(key)}).text
    assert len(re.findall(r"\b(?:[0-9a-f]{4}-){3}[0-9a-f]{4}\b", codes)) == second_factor.RECOVERY_CODES
    assert log_in() == 0


@pytest.mark.parametrize("password", ["", "wrong"])
def test_setting_it_up_takes_the_password(root: User, password: str) -> None:
    browser = Client()
    browser.force_login(root)
    answer = browser.post(PAGE, {"do": "begin", "password": password}).text
    assert "The password is wrong" in answer
    assert "otpauth" not in answer
    assert not SecondFactor.objects.exists()


def test_no_step_goes_round_the_password(root: User) -> None:
    left_from_before = second_factor.begin(root.pk)
    browser = Client()
    browser.force_login(root)
    for code in ("000000", code_of(left_from_before.key)):
        answer = browser.post(PAGE, {"do": "confirm", "code": code}).text
        assert "Begin again" in answer
        assert "otpauth" not in answer
    assert not SecondFactor.objects.filter(confirmed=True).exists()


def test_a_password_proven_long_ago_is_asked_for_again(root: User) -> None:
    browser = Client()
    browser.force_login(root)
    key = secret_of(browser.post(PAGE, {"do": "begin", "password": PASSWORD}).text)
    session = browser.session
    session[PROVEN_UNTIL] = time.time() - 1
    session.save()
    assert "Begin again" in browser.post(PAGE, {"do": "confirm", "code": code_of(key)}).text
    assert not SecondFactor.objects.filter(confirmed=True).exists()


def test_guessing_the_password_there_locks_out_as_at_the_login(root: User) -> None:
    browser = Client()
    browser.force_login(root)
    answers = [browser.post(PAGE, {"do": "begin", "password": "wrong"}).status_code for _ in range(5)]
    assert answers[-1] == 429
    assert browser.post(PAGE, {"do": "begin", "password": PASSWORD}).status_code == 429


def test_who_has_a_second_factor_is_told_to_nobody_without_the_password(
    protected: tuple[bytes, list[str]],
) -> None:
    User.objects.create_user("plain", password=PASSWORD, is_staff=True)
    with_it, without = (
        Client().post(LOGIN, {"username": name, "password": "wrong"}).text for name in ("root", "plain")
    )  # fmt: skip
    assert "code" not in re.sub(r"<script.*?</script>", "", Client().get(LOGIN).text, flags=re.DOTALL).split("<form")[1]
    same = [re.sub(r'value="\w*"', "", page) for page in (with_it, without)]
    assert same[0] == same[1]
    assert Client().get(CODE)["Location"] == LOGIN
    assert Client().post(CODE, {"code": protected[1][0]})["Location"] == LOGIN


def test_the_second_page_leads_where_one_wanted_to_go(protected: tuple[bytes, list[str]]) -> None:
    browser, wanted = Client(), "/console/channels/"
    for asked, led_to in ((wanted, wanted), ("https://elsewhere.example/", "/console/")):
        second = browser.post(f"{LOGIN}?next={asked}", {"username": "root", "password": PASSWORD})["Location"]
        assert "root" in browser.get(second).text
        assert browser.get("/console/").status_code == 302  # not logged in yet
        assert browser.post(second, {"code": protected[1].pop()})["Location"] == led_to
        assert browser.get("/console/").status_code == 200
        browser.logout()


def _later(browser: Client, root: User) -> None:
    session = browser.session
    session[PROVEN] |= {"until": time.time() - 1}
    session.save()


def _new_password(browser: Client, root: User) -> None:
    root.set_password("another horse")
    root.save()


def _inactive(browser: Client, root: User) -> None:
    User.objects.filter(pk=root.pk).update(is_active=False)


@pytest.mark.parametrize("ends", [_later, _new_password, _inactive])
def test_the_second_step_does_not_wait_for_ever(
    root: User, protected: tuple[bytes, list[str]], ends: Callable[[Client, User], None]
) -> None:
    browser = Client()
    second = browser.post(LOGIN, {"username": "root", "password": PASSWORD})["Location"]
    ends(browser, root)
    assert browser.post(second, {"code": protected[1][0]})["Location"] == LOGIN
    assert browser.get("/console/").status_code == 302


def test_a_code_logs_in_once(protected: tuple[bytes, list[str]]) -> None:
    key, _ = protected
    code = code_of(key, 1)
    assert log_in(code=code) == 1
    assert log_in(code=code) == 0


def test_a_recovery_code_logs_in_once(protected: tuple[bytes, list[str]]) -> None:
    _, codes = protected
    assert log_in(code=codes[3]) == 1
    assert log_in(code=codes[3]) == 0


def test_wrong_codes_slow_down_right_ones(protected: tuple[bytes, list[str]]) -> None:
    _, codes = protected
    log_in(code="000000")
    assert SecondFactor.objects.get().throttling_failure_count == 1
    SecondFactor.objects.update(throttling_failure_count=12)  # more than half an hour
    assert log_in(code=codes[0]) == 0
    SecondFactor.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    assert log_in(code=codes[0]) == 1


def test_a_wrong_code_is_in_the_audit_log(protected: tuple[bytes, list[str]]) -> None:
    log_in(code="000000")
    assert AuditEntry.objects.get(action="login_failed").username == "root"


def test_the_key_and_the_recovery_codes_are_not_in_the_database(protected: tuple[bytes, list[str]]) -> None:
    key, codes = protected
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(f)::text FROM console_secondfactor f")
        row = cursor.fetchone()[0]
    assert key.hex() not in row
    assert codes[0].replace("-", "") not in row


def test_switching_it_off_takes_the_password(root: User, protected: tuple[bytes, list[str]]) -> None:
    browser = Client()
    browser.force_login(root)
    assert "The password is wrong" in browser.post(PAGE, {"do": "remove", "password": "x"}).text
    assert log_in() == 0
    assert browser.post(PAGE, {"do": "remove", "password": PASSWORD}).status_code == 302
    assert log_in() == 1


def test_a_confirmed_key_is_never_shown_again(root: User, protected: tuple[bytes, list[str]]) -> None:
    browser = Client()
    browser.force_login(root)
    assert "otpauth" not in browser.post(PAGE, {"do": "begin", "password": PASSWORD}).text


def test_a_superuser_removes_the_second_factor_of_somebody_who_lost_it(
    root: User, protected: tuple[bytes, list[str]]
) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("second"))
    address = reverse("admin:auth_user_remove_second_factor", args=[root.pk])
    assert browser.get(address).status_code == 200
    assert log_in() == 0
    assert browser.post(address).status_code == 302
    assert log_in() == 1


def test_behind_a_trusted_proxy_each_guesser_counts_for_himself(root: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]

    def guess(password: str, forwarded: str) -> int:
        given = {"username": "root", "password": password, "code": ""}
        return Client().post(LOGIN, given, REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=forwarded).status_code

    for _ in range(5):
        guess("wrong", "10.9.9.9, 198.51.100.7")
    assert guess(PASSWORD, "203.0.113.9, 198.51.100.7") == 429
    assert guess(PASSWORD, "198.51.100.7, 203.0.113.9") == 302
    assert AuditEntry.objects.filter(action="login").latest("pk").address == "203.0.113.9"
