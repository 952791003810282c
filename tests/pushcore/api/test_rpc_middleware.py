"""Answers of the RPC middleware have all that other answers of the service have."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from tests.pushcore.api.callers import Rpc2019

pytestmark = pytest.mark.django_db


def test_an_answer_has_the_headers_of_every_answer(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    response = rpc2019.call("PushSimple", form)
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == str(len(response.content))
    assert response["Content-Type"] == "application/json"
    assert response["x-acs-request-id"] in response.content.decode()
    assert not response.cookies


@override_settings(ALLOWED_HOSTS=["push.example"])
def test_a_foreign_host_header_is_refused(rpc2019: Rpc2019, form: dict[str, str]) -> None:
    assert rpc2019.call("PushSimple", form).status_code == 400


def test_a_browser_is_redirected_to_the_console(client: Client) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/console/")
    assert client.put("/").status_code == 405
