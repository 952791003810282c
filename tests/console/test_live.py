"""Live figures of push tasks, over real WebSockets to a running gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, RequestFactory
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Origin

from console.components import live
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.models import Message, PushTask, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes
from tests.console.conftest import BY_TEST, Everything, a_push
from tests.gateway.conftest import RunningGateway


@pytest.fixture
def gateway(transactional_db: None) -> Iterator[RunningGateway]:
    running = RunningGateway().start()
    yield running
    running.stop()
    # The thread that asked the database for the sockets, and keeps its connection.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
    live.counting.submit(connections.close_all).result()


def opened(
    gateway: RunningGateway, browser: Client, tasks: str, origin: str = "http://127.0.0.1:8000"
) -> ClientConnection:
    session = browser.cookies["sessionid"].value if "sessionid" in browser.cookies else "none"
    return open_socket(
        f"ws://127.0.0.1:{gateway.ws_port}/console/live?tasks={tasks}",
        additional_headers={"Cookie": f"sessionid={session}"},
        origin=Origin(origin),
    )


def told(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(socket.recv(10)))


def refused(gateway: RunningGateway, browser: Client, tasks: str, **options: str) -> bool:
    try:
        with opened(gateway, browser, tasks, **options) as socket:
            socket.recv(10)
    except (InvalidStatus, ConnectionClosed):
        return True
    return False


def test_a_page_hears_what_changes_and_nothing_else(
    gateway: RunningGateway,
    superuser: Client,
    mine: Everything,
) -> None:
    task = pushes.accept(mine[Workspace], a_push({"ann": "k1", "bob": "k2"}), **BY_TEST)
    still = mine[PushTask]
    with opened(gateway, superuser, f"{task.pk},{still.pk},1,x") as socket:
        first = told(socket)
        assert set(first) == {str(task.pk), str(still.pk)}
        assert (first[str(task.pk)]["messages"], first[str(task.pk)]["success"]) == ("2", "0")
        message = Message.objects.filter(task=task).first()
        assert message is not None
        outcomes.record([Outcome(message.pk, 2)])
        assert {name: figures["success"] for name, figures in told(socket).items()} == {str(task.pk): "1"}


def test_a_task_page_hears_its_whole_report_in_its_language(
    gateway: RunningGateway, superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REPORT_PAUSE_FACTOR", 0.0)
    task = pushes.accept(mine[Workspace], a_push({"ann": "k1", "bob": "k2"}), **BY_TEST)
    with opened(gateway, superuser, f"{task.pk}&report={task.pk}&lang=zh-hans") as socket:
        assert set(told(socket)) == {str(task.pk)}
        assert "等待用户绑定设备" in told(socket)["report"]
        message = Message.objects.filter(task=task).first()
        assert message is not None
        outcomes.record([Outcome(message.pk, 90000003, Channel.FCM)])
        report = next(said["report"] for said in iter(lambda: told(socket), None) if "report" in said)
        assert "谷歌" in report


def test_a_report_is_told_to_those_alone_who_may_see_its_task(
    gateway: RunningGateway, member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    own, other = mine[PushTask].pk, theirs[PushTask].pk
    viewer = member("viewer")
    with opened(gateway, viewer, f"{own}&report={own}") as socket:
        assert set(told(socket)) == {str(own)}
        assert "report" in told(socket)
    with opened(gateway, viewer, f"{own}&report={other}") as socket:
        assert set(told(socket)) == {str(own)}
        with pytest.raises(TimeoutError):
            socket.recv(0.5)


def test_members_hear_of_their_apps_tasks_alone(
    gateway: RunningGateway,
    member: Callable[[str], Client],
    mine: Everything,
    theirs: Everything,
) -> None:
    with opened(gateway, member("viewer"), f"{mine[PushTask].pk},{theirs[PushTask].pk}") as socket:
        assert set(told(socket)) == {str(mine[PushTask].pk)}


def test_strangers_and_other_sites_hear_nothing(
    gateway: RunningGateway,
    superuser: Client,
    mine: Everything,
) -> None:
    task = str(mine[PushTask].pk)
    customer = Client()
    customer.force_login(User.objects.create_user("customer"))
    assert refused(gateway, Client(), task)
    assert refused(gateway, customer, task)
    assert refused(gateway, superuser, task, origin="http://evil.example")
    assert refused(gateway, superuser, "")
    with opened(gateway, superuser, task) as socket:
        told(socket)


def test_sockets_are_bounded(
    gateway: RunningGateway,
    superuser: Client,
    mine: Everything,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "MAX_SOCKETS", 1)
    task = str(mine[PushTask].pk)
    with opened(gateway, superuser, task) as socket:
        told(socket)
        assert refused(gateway, superuser, task)


def test_a_socket_ends_after_a_while_so_that_rights_are_looked_at_anew(
    gateway: RunningGateway,
    superuser: Client,
    mine: Everything,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "MAX_SOCKET_SECONDS", 0.1)
    monkeypatch.setattr(live, "PERIOD_SECONDS", 0.2)
    with opened(gateway, superuser, str(mine[PushTask].pk)) as socket:
        told(socket)
        with pytest.raises(ConnectionClosed):
            socket.recv(10)


def _log_out(browser: Client) -> None:
    assert browser.post("/console/logout/").status_code in (200, 302)


def _end_elsewhere(_browser: Client) -> None:
    other = Client()
    other.force_login(User.objects.get(username="root"))
    assert other.post("/console/profile/", {"end": "others"}).status_code == 302


def _change(**changes: Any) -> Callable[[Client], None]:
    def change(_browser: Client) -> None:
        User.objects.filter(username="root").update(**changes)

    return change


@pytest.mark.parametrize(
    "ends",
    [_log_out, _end_elsewhere, _change(is_active=False), _change(is_staff=False), _change(password="!ended")],
    ids=["logout", "ended on the profile page", "deactivation", "no longer staff", "another password"],
)
def test_a_socket_ends_with_the_session(
    gateway: RunningGateway, superuser: Client, mine: Everything, ends: Callable[[Client], None]
) -> None:
    with opened(gateway, superuser, str(mine[PushTask].pk)) as socket:
        told(socket)
        ends(superuser)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    assert refused(gateway, superuser, str(mine[PushTask].pk))


@pytest.mark.parametrize(
    ("host", "secure", "url"),
    [
        ("localhost:8000", False, "ws://localhost:8001/x"),
        ("[::1]:8000", False, "ws://[::1]:8001/x"),
        ("push.example.com", True, "wss://push.example.com/x"),
        ("push.example.com:8443", True, "wss://push.example.com:8443/x"),
    ],
)
def test_the_sockets_address_follows_the_pages(settings: Any, host: str, secure: bool, url: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory().get("/", headers={"host": host}, secure=secure)
    assert live.socket_url(request, "/x", own_port=8000, socket_port=8001) == url
