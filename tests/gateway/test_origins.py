"""Web pages as devices: what browsers ask for before a page may send a request, and from where pages may connect."""

from __future__ import annotations

import pytest
from django.http.response import ResponseHeaders
from django.test import Client
from pytest_django import Settings
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket
from websockets.typing import Origin, Subprotocol

from tests.gateway.conftest import RunningGateway

SHOP, STRANGER = "https://shop.example", "https://stranger.example"
ALLOWED = "Access-Control-Allow-Origin"


def preflight(path: str, origin: str) -> ResponseHeaders:
    answer = Client().options(
        path,
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    return answer.headers


@pytest.mark.parametrize("path", ["register", "bind", "unbind", "report", "profile", "inbox", "events", "unregister"])
def test_pages_of_allowed_origins_may_send_every_request_of_devices(path: str, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    granted = preflight(f"/device/v1/{path}", SHOP)
    assert (granted[ALLOWED], granted["Access-Control-Allow-Methods"]) == (SHOP, "POST")
    assert granted["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert ALLOWED not in preflight(f"/device/v1/{path}", STRANGER)


def test_a_page_sees_why_it_was_refused_and_when_to_ask_again(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    answer = Client().post("/device/v1/bind", "{}", content_type="application/json", headers={"origin": SHOP})
    assert (answer.status_code, answer[ALLOWED]) == (401, SHOP)
    assert answer["Access-Control-Expose-Headers"] == "retry-after"
    assert Client().get("/device/v1/bind", headers={"origin": SHOP})[ALLOWED] == SHOP  # 405


def test_no_page_may_by_default_and_none_may_call_anything_else(settings: Settings) -> None:
    assert ALLOWED not in preflight("/device/v1/register", SHOP)
    settings.CORS_ALLOW_ALL_ORIGINS = True
    assert preflight("/device/v1/register", SHOP)[ALLOWED] == "*"
    for path in ("/", "/api/v1/push/simple", "/console/"):
        assert ALLOWED not in preflight(path, SHOP)


def test_pages_connect_from_allowed_origins_alone_where_origins_are_checked(
    gateway: RunningGateway, settings: Settings
) -> None:
    url = f"ws://127.0.0.1:{gateway.ws_port}/gateway/mqtt"

    def is_accepted(origin: str | None) -> bool:
        try:
            with open_socket(url, subprotocols=[Subprotocol("mqtt")], origin=Origin(origin) if origin else None):
                return True
        except InvalidStatus as refused:
            return refused.response.status_code != 403

    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    assert is_accepted(STRANGER)
    settings.WS_CHECK_ORIGIN = True
    assert (is_accepted(SHOP), is_accepted(STRANGER), is_accepted(None)) == (True, False, True)
