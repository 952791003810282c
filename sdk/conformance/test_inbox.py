"""A device reads its inbox, and says what it is: tags, topics, attributes, and where it is."""

from __future__ import annotations

import json

import pytest

from conformance.agent import AgentError
from conformance.conftest import Backend, Devices
from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.stack import Stack


def test_an_inbox_is_paged_read_and_deleted_from(devices: Devices, backend: Backend) -> None:
    agent = devices.connected()
    pushed = [backend.push(agent, inbox=True).msgkey for _ in range(3)]
    agent.wait_for_message(backend.push(agent).msgkey)  # is in no inbox
    page = agent.do("readInbox", limit=2)
    assert [one["msgKey"] for one in page["messages"]] == [pushed[2], pushed[1]]
    assert page["unread"] == 3
    last = agent.do("readInbox", before=page["next"])
    assert [one["msgKey"] for one in last["messages"]] == [pushed[0]]
    assert last["next"] == ""
    newest, middle = (one["k"] for one in page["messages"])
    assert agent.do("markRead", ks=[newest]) == 2
    assert agent.do("deleteFromInbox", ks=[middle]) == 1
    assert [one["read"] for one in agent.do("readInbox")["messages"]] == [True, False]
    assert agent.do("markAllRead") == 0
    assert agent.do("countUnread") == 0


def test_a_device_changes_its_profile_and_says_where_it_is(
    devices: Devices, service: Stack, database: Database
) -> None:
    backends.run_in_service(
        service,
        "from pushcore.audience import names; from pushcore.audience.names import Kind\n"
        "from pushcore.models import Workspace\n"
        f"w = Workspace.objects.get(workspace_id={service.demo['workspace_id']!r})\n"
        "names.make(w.pk, Kind.TAG, ['beta', 'tester']); names.make(w.pk, Kind.TOPIC, ['news', 'sport'])",
    )
    agent = devices.connected()
    agent.do("addTags", names=["beta", "tester"])
    agent.do("removeTags", names=["tester"])
    agent.do("subscribe", names=["news", "sport"])
    agent.do("unsubscribe", names=["sport"])
    agent.do("setAttributes", values={"city": "Oslo", "age": 30, "since": {"time": 5}})
    agent.do("unsetAttributes", names=["age"])
    agent.do("setMarketingConsent", consent=False)
    printed = backends.run_in_service(
        service,
        "import json; from pushcore.audience import profiles; from pushcore.devices.state import TargetType\n"
        "from pushcore.models import Workspace\n"
        f"w = Workspace.objects.get(workspace_id={service.demo['workspace_id']!r})\n"
        f"p = profiles.profile_of(w.pk, TargetType.DEVICE, {agent.do('token')!r})\n"
        "print(json.dumps([p.tags, p.topics, p.attributes]))",
    )
    assert json.loads(printed) == [["beta"], ["news"], {"city": "Oslo", "since": {"time": 5}}]
    [(zone,)] = database.query("SELECT time_zone FROM pushcore_device WHERE ad_token = %s", agent.do("token"))
    assert zone
    with pytest.raises(AgentError):
        agent.do("addTags", names=["nobody made it"])
