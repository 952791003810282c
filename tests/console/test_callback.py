"""The button that tries a workspace's callback."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from console.models import AuditEntry
from pushcore.models import Receipt, Workspace
from pushcore.security import crypto, keys
from tests.pushcore.conftest import CallbackServer, callback

__all__ = ["callback"]


@pytest.fixture
def press(member: Callable[[str], Client], workspace: Workspace, settings: Settings) -> Callable[[str], str]:
    """Press the button with this callback URL; what the page then says."""
    settings.RECEIPT_ALLOW_PRIVATE = True
    browser = member("administrator")

    def pressed(url: str) -> str:
        Workspace.objects.filter(pk=workspace.pk).update(callback_url=url)
        address = reverse("admin:pushcore_workspace_test_callback", args=[workspace.pk])
        # Without a URL nobody is asked.
        assert browser.get(address).status_code == (200 if url else 302)
        return browser.post(address, follow=True).text

    return pressed


def test_the_backend_gets_a_signed_receipt(
    press: Callable[[str], str], workspace: Workspace, callback: CallbackServer
) -> None:
    assert "The backend took the test receipt (status 200" in press(callback.url)
    [(path, body)] = callback.requests
    assert json.loads(body)["msgId"] == "callback-test"
    [signature] = parse_qs(urlsplit(path).query)["sign"]
    assert crypto.verify(body, signature, keys.callback_key(workspace).public_pem)
    assert not Receipt.objects.exists()
    assert AuditEntry.objects.get(action="test").details == {
        "what": "Sent a test receipt.",
        "outcome": "status 200",
        "address": callback.url,
    }


def test_a_backend_that_refuses_is_reported(press: Callable[[str], str], callback: CallbackServer) -> None:
    callback.answers = [(500, "")]
    assert "did not take the test receipt: status 500" in press(callback.url)


def test_without_a_url_nothing_is_sent(press: Callable[[str], str]) -> None:
    assert "has no callback URL" in press("")


def test_a_private_address_is_refused(
    press: Callable[[str], str], callback: CallbackServer, settings: Settings
) -> None:
    settings.RECEIPT_ALLOW_PRIVATE = False
    assert "did not take the test receipt" in press(callback.url)
    assert not callback.requests
