"""An inbox over MQTT: what came while the device was away is paged, read, and gone from the badge."""

from __future__ import annotations

from pushcore.models import PushTask, Workspace
from pushcore.push import pushes, requests
from tests.gateway.conftest import Connect, RunningGateway
from tests.support.devices import PahoDevice


def push(workspace: Workspace, target: str, msgkey: str) -> None:
    request = requests.SimplePush(
        task_name="t", title=msgkey, content="消息" * 100, delivery_type=1, target_msgkey={target: msgkey},
        expired_seconds=300, inbox=True,
    )  # fmt: skip
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")


def test_a_device_that_was_away_pages_its_inbox_and_its_badge_falls(connect: Connect, workspace: Workspace) -> None:
    device = connect()
    device.disconnect()
    for number in range(30):
        push(workspace, device.ad_token, f"k{number}")
    again = connect(known=device)
    found, cursor, pages = [], "", 0
    while cursor or not pages:
        answer = again.request("mps/inbox", {"before": cursor, "limit": 50})
        assert answer["code"] == "100"
        found += answer["data"]["messages"]
        cursor, pages = answer["data"]["next"], pages + 1
    assert pages > 1  # for so much does not fit one packet
    assert [one["msgKey"] for one in found] == [f"k{number}" for number in reversed(range(30))]
    assert answer["data"]["unread"] == 30
    answer = again.request("mps/inbox", {"read": [found[0]["k"], found[1]["k"]], "limit": 0})
    assert answer["data"] == {"messages": [], "next": "", "unread": 28}
    assert again.request("mps/inbox", {"read": "all", "limit": 0})["data"]["unread"] == 0


def test_a_page_fits_what_a_device_says_that_it_takes(
    connect: Connect, gateway: RunningGateway, workspace: Workspace
) -> None:
    device = connect()
    device.disconnect()
    for number in range(6):
        push(workspace, device.ad_token, f"k{number}")
    again = PahoDevice(gateway.demo(workspace), known=device).connect(max_packet=6_000)
    found, cursor, pages = [], "", 0
    while cursor or not pages:
        data = again.request("mps/inbox", {"before": cursor})["data"]
        found += [one["msgKey"] for one in data["messages"]]
        cursor, pages = data["next"], pages + 1
    again.disconnect()
    assert found == [f"k{number}" for number in reversed(range(6))]
    assert pages > 1
