"""The page with the log of a device's connections."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from console.models import AuditEntry
from gateway.cluster import connection_log as log
from pushcore.models import Device
from tests.console.conftest import Everything


def test_an_operator_starts_the_log_and_sees_what_happens(
    member: Callable[[str], Client], mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_watched_here", log._WatchedHere())
    device, browser = mine[Device], member("operator")
    address = reverse("admin:pushcore_device_connection_log", args=[device.pk])
    assert browser.get(f"{address}?part=1").status_code == 204
    started = browser.post(address, follow=True)
    assert f"{address}?part=1" in started.text
    assert AuditEntry.objects.filter(details__what="Started the log of the device's connections.").exists()
    log.note_http_request(device.ad_token, "3028", "/device/v1/bind: <b>illegal</b>")
    part = browser.get(f"{address}?part=1").text
    assert "3028" in part
    assert "&lt;b&gt;illegal" in part
