"""A database connection lost at any statement of a request is answered 503 by every API."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from pushcore.api import access_keys
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import AccessKey, Occurrence, PushTask, Workspace
from pushcore.push.requests import SimplePush
from pushcore.schedules import firing, service
from pushcore.schedules.times import Timed
from pushcore.security import crypto, keys
from pushcore.storage.outages import DatabaseFault
from tests.pushcore.api.callers import Rest, Rpc2019, Rpc2020, form_of
from tests.pushcore.api.samples import REQUESTS

pytestmark = pytest.mark.django_db(transaction=True)

# More statements than any of the requests has.
MOST = 60


class Loss:
    """Loses the connection before the statement of that number: `killed` by the server, or found `closed`."""

    def __init__(self, at: int, how: str) -> None:
        self._left, self._how = at, how
        self.happened = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self._left -= 1
        if self._left == 0:
            self.happened = True
            if self._how == "closed":
                connection.connection.close()
            else:
                _kill(connection.connection.get_backend_pid())
        return execute(sql, params, many, context)


def _kill(backend: int) -> None:
    other = psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None})
    with other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    other.close()


def _answers(send: Callable[[], HttpResponse], how: str) -> list[HttpResponse]:
    """Return the answers when the connection is lost at the first statement, the second, and so on, to the last."""
    answers = []
    for at in range(1, MOST):
        loss = Loss(at, how)
        connection.ensure_connection()
        with connection.execute_wrapper(loss):
            answers.append(send())
        connection.close()
        if not loss.happened:
            return answers
    raise AssertionError(f"more than {MOST} statements")


def _basic(user: str, password: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def senders(
    workspace: Workspace,
    username: str,
    access_key: tuple[AccessKey, str],
) -> dict[str, Callable[[], Any]]:
    """Return a function for each API that makes a new request."""
    client = Client(raise_request_exception=False)
    [(device, secret)] = registry.register([(workspace, DeviceInfo())])
    private, public = crypto.new_rsa_key()
    keys.add_api_key(workspace, public)
    user = User.objects.create_superuser("ann", password="x")
    browser = Client(raise_request_exception=False)
    browser.force_login(user)
    form, rest = form_of(REQUESTS["PushSimple"]), Rest(private)

    def twin(path: str, who: dict[str, Any], body: str) -> Callable[[], Any]:
        return lambda: client.post(f"/device/v1/{path}", body, "application/json", **who)

    mine = _basic(device.ad_token, secret)
    v1, acs3 = Rpc2019(access_key[0].access_key_id, access_key[1]), Rpc2020(access_key[0].access_key_id, access_key[1])
    return {
        "rpc 2019": lambda: v1.call("PushSimple", form, Format="JSON"),
        "rpc 2020": lambda: acs3.call("PushSimple", form),
        "rest": lambda: rest.send("push/simple", json.dumps(REQUESTS["PushSimple"]).encode()),
        "register": twin("register", _basic(username, workspace.client_key), "{}"),
        "bind": twin("bind", mine, '{"userId": "ann"}'),
        "report": twin("report", mine, '{"appVersion": "2"}'),
        "vendor": lambda: client.post("/vendor/receipts/nobody", "{}", "application/json"),
        "console": lambda: browser.get("/console/pushcore/app/"),
        "login": lambda: client.post("/console/login/", {"username": "ann", "password": "x"}),
    }


APIS = ("rpc 2019", "rpc 2020", "rest", "register", "bind", "report", "vendor", "console", "login")


@pytest.mark.parametrize("how", ["killed", "closed"])
@pytest.mark.parametrize("api", APIS)
def test_a_lost_connection_is_answered_with_503(
    senders: dict[str, Callable[[], HttpResponse]], api: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call answered as done may be done: it was lost after the commit, or repeated on a new connection."""
    monkeypatch.setattr(access_keys, "REMEMBER_SECONDS", 0.0)
    *lost, whole = _answers(senders[api], how)
    assert whole.status_code != 503
    assert lost
    assert {answer.status_code for answer in lost} <= {503, whole.status_code}
    assert 503 in {answer.status_code for answer in lost}
    for answer in lost:
        if answer.status_code == 200 and "json" in answer["Content-Type"]:
            assert "9000" not in map(str, json.loads(answer.content).values())


@pytest.mark.parametrize("how", ["killed", "closed"])
def test_a_scheduled_push_whose_connection_is_lost_is_sent_later(workspace: Workspace, how: str) -> None:
    """A lost connection is no fault of the push."""
    request = SimplePush(delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey={"ann": "k1"})
    at = Timed(timezone.now() + timedelta(seconds=60))
    service.create(workspace, request, at, source=PushTask.Source.RPC, author="test")
    Occurrence.objects.update(at=timezone.now() - timedelta(seconds=1))
    for number in range(1, MOST):
        loss = Loss(number, how)
        connection.ensure_connection()
        with connection.execute_wrapper(loss), contextlib.suppress(DatabaseFault):
            firing.fire_due()
        connection.close()
        if Occurrence.objects.get().status != Occurrence.Status.PENDING:
            break
    assert Occurrence.objects.get().status == Occurrence.Status.EXECUTED
    assert PushTask.objects.count() == 1
