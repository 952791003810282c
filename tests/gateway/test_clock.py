"""A gateway whose host's clock is wrong delivers what is valid, and says how wrong it is."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from gateway.cluster import ack_buffer, node_presence, presence
from pushcore.models import Workspace
from pushcore.storage import clock, valkey
from tests.gateway.conftest import Connect
from tests.gateway.pushing import send, wait_for


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_gateway_on_a_host_with_a_wrong_clock_delivers_what_is_valid(
    connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    wrong = SimpleNamespace(**{**vars(time), "time": lambda: time.time() + ahead})
    monkeypatch.setattr(ack_buffer, "time", wrong)
    monkeypatch.setattr(node_presence, "time", wrong)
    monkeypatch.setattr(clock, "system", wrong)
    device = connect()
    send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")
    assert device.expiries[0] in (298, 299, 300)
    device.disconnect()
    send(workspace, device.ad_token, "k2")
    again = connect(known=device)
    again.wait_for_key("k2")
    assert wait_for(
        lambda: [round(info.clock_offset_seconds) for info in presence.live_nodes(valkey.client())] == [ahead]
    )
