"""What a device reports arrives, once, however long it takes."""

from __future__ import annotations

import pytest

from conformance.agent import AgentError
from conformance.conftest import Backend, Devices
from conformance.fault_proxy import PUBLISH, FaultProxy
from tests.e2e.database import Database

FCM, APNS = 6, 2
MOST_EVENTS = 10_000
MOST_IN_A_REQUEST = 100
EVENTS = "SELECT kind FROM analytics_messageevent WHERE message_id = %s AND kind IN ('opened', 'ignored')"
TOKEN = "SELECT third_channel, third_token FROM pushcore_device WHERE ad_token = %s"


def test_what_was_opened_and_ignored_without_a_connection_is_reported_later(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    killed = devices.connected()
    opened, ignored = (killed.wait_for_message(backend.push(killed).msgkey)["k"] for _ in range(2))
    proxy.disappear()
    killed.next_state("waiting")
    for _ in range(2):
        killed.do("opened", k=opened)
    killed.do("ignored", k=ignored)
    assert killed.do("outbox") == 2
    killed.kill()
    proxy.reappear()
    agent = devices.connected()
    agent.wait_until(lambda: agent.do("outbox") == 0, "the outbox is empty")
    assert (database.query(EVENTS, opened), database.query(EVENTS, ignored)) == ([("opened",)], [("ignored",)])


def test_a_report_whose_answer_was_lost_counts_once(
    devices: Devices, backend: Backend, proxy: FaultProxy, database: Database
) -> None:
    agent = devices.connected()
    key = agent.wait_for_message(backend.push(agent).msgkey)["k"]
    received = proxy.received(PUBLISH)
    proxy.hold(PUBLISH)
    agent.do("opened", k=key)
    proxy.wait(lambda: proxy.received(PUBLISH) == received + 1, "the answer")
    assert agent.do("outbox") == 1
    proxy.forward_all()
    proxy.cut()
    agent.wait_until(lambda: agent.do("outbox") == 0, "the outbox is empty")
    assert database.query(EVENTS, key) == [("opened",)]


def test_ten_thousand_reports_wait_and_are_sent_in_few_requests(devices: Devices, proxy: FaultProxy) -> None:
    proxy.disappear()
    agent = devices.agent()
    asked = [agent.ask("opened", k=str(10**15 + number)) for number in range(MOST_EVENTS + 50)]
    for number in asked:
        agent.answer(number)
    assert agent.do("outbox") == MOST_EVENTS
    proxy.reappear()
    agent.next_state("connected")
    agent.wait_until(lambda: agent.do("outbox") == 0, "the outbox is empty")
    assert MOST_EVENTS / MOST_IN_A_REQUEST <= proxy.sent(PUBLISH) <= 1.1 * MOST_EVENTS / MOST_IN_A_REQUEST


def test_a_vendors_token_is_reported_and_withdrawn_also_without_a_connection(
    devices: Devices, proxy: FaultProxy, database: Database
) -> None:
    agent = devices.connected()
    agent.do("report", channel=FCM, token="first")
    assert database.query(TOKEN, agent.do("token")) == [(FCM, "first")]
    with pytest.raises(AgentError):
        agent.do("report", channel=APNS, token="ab" * 32)  # this is an Android device
    proxy.disappear()
    agent.next_state("waiting")
    reporting = agent.ask("report", channel=FCM, token="second")
    proxy.reappear()
    agent.answer(reporting)
    assert database.query(TOKEN, agent.do("token")) == [(FCM, "second")]
    agent.do("withdraw")
    assert database.query(TOKEN, agent.do("token")) == [(None, "")]


def test_an_opened_notification_calls_the_app(devices: Devices, backend: Backend) -> None:
    agent = devices.connected()
    key = agent.wait_for_message(backend.push(agent).msgkey)["k"]
    agent.do("opened", k=key)
    agent.wait_for("opened", k=key)


def test_the_diagnostics_hold_no_secrets_and_no_contents(devices: Devices, backend: Backend) -> None:
    agent = devices.connected()
    agent.wait_for_message(backend.push(agent).msgkey)
    agent.do("bind", userId="somebody")
    text = "\n".join(agent.do("diagnostics"))
    assert "connected" in text
    for secret in (backend.demo["client_key"], "Python test", "somebody"):
        assert secret not in text
