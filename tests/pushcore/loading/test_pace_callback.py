"""A push with a pace URL goes on while its backend says so, and holds nobody up while it waits."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from pushcore.api.operation import V2020, Caller
from pushcore.api.operations.analysis import query_task_detail
from pushcore.codes import statuses
from pushcore.codes.results import ResultError
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.file_push import upload
from pushcore.loading import load, pace_callback, wake
from pushcore.loading.pace_callback import GRANTED
from pushcore.models import AudienceWalk, Device, FileImport, Message, PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import AudiencePush, FilePush
from pushcore.push.templates import TemplateDraft
from pushcore.revocation import revocations
from pushcore.security import crypto, keys
from tests.pushcore.conftest import Clock, RecordingLane
from tests.pushcore.file_push.files import lines_of
from tests.support.serving import serving

pytestmark = pytest.mark.django_db(transaction=True)


class Answer(NamedTuple):
    """What the backend answers."""

    status: int = 200
    body: bytes = b""
    retry_after: str = ""


GO, BUSY = Answer(), Answer(503, retry_after="120")


class Backend(ThreadingHTTPServer):
    """A backend that is asked; after `answers` it answers `otherwise`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, bytes]] = []
        self.answers: list[Answer] = []
        self.otherwise = GO

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/pace?shop=1"


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        answer = self.server.answers.pop(0) if self.server.answers else self.server.otherwise
        self.send_response(answer.status)
        if answer.retry_after:
            self.send_header("Retry-After", answer.retry_after)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Requests are asserted on, not printed."""


@pytest.fixture
def backend(settings: Settings) -> Iterator[Backend]:
    settings.RECEIPT_ALLOW_PRIVATE = True
    with serving(Backend()) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture(autouse=True)
def _lane(lane: RecordingLane) -> None:
    """Messages are kept."""


def granting(messages: Any) -> Answer:
    return Answer(body=json.dumps({"messages": messages}).encode())


def fleet(workspace: Workspace, count: int) -> list[int]:
    return [device.id for device, _ in registry.register([(workspace, DeviceInfo())] * count)]


def push(workspace: Workspace, url: str, **changes: Any) -> PushTask:
    fields: dict[str, Any] = {
        "condition": {"platform": "android"},
        "expired_seconds": 3600,
        "title": "T",
        "content": "C",
    }
    request = AudiencePush(**({"msgkey": "k", "pace_url": url} | fields | changes))
    return pushes.accept(workspace, request, source=PushTask.Source.REST, author="test")


def made() -> int:
    """Ask and load as workers do; return how many messages there are then."""
    pace_callback.ask_due()
    load.load_all()
    return Message.objects.count()


def test_so_many_messages_are_made_as_each_answer_grants(workspace: Workspace, backend: Backend, at: Clock) -> None:
    devices = fleet(workspace, 10)
    push(workspace, backend.url)
    assert load.load_all() == 0  # nothing without asking
    backend.answers = [granting(3), granting(2), granting(5)]
    assert [made() for _ in range(3)] == [3, 5, 10]
    assert [json.loads(body)["made"] for _, body in backend.asked] == [0, 3, 5]
    assert AudienceWalk.objects.get().finished_at  # without asking for what is not there
    assert sorted(Message.objects.values_list("device_id", flat=True)) == devices
    assert not pace_callback.any_due()


def test_a_request_is_signed_and_says_which_push_asks(workspace: Workspace, backend: Backend, at: Clock) -> None:
    fleet(workspace, 1)
    task = push(workspace, backend.url, task_name="sale")
    made()
    [(path, body)] = backend.asked
    query = parse_qs(urlsplit(path).query)
    assert query["shop"] == ["1"]
    assert crypto.verify(body, query["sign"][0], keys.callback_key(workspace).public_pem)
    now = round(at.at.timestamp() * 1000)
    assert json.loads(body) == {"taskId": str(task.pk), "taskName": "sale", "made": 0, "heldSince": None, "time": now}


@pytest.mark.parametrize(
    ("answer", "granted"),
    [
        (GO, GRANTED), (Answer(204), GRANTED), (Answer(body=b"go"), GRANTED), (Answer(body=b"[7]"), GRANTED),
        (granting("7"), GRANTED), (granting(True), GRANTED), (granting(7), 7),
        (Answer(body=b"[" * 4000), GRANTED), (granting(10**12), pace_callback.MOST_GRANTED),
    ],
)  # fmt: skip
def test_an_answer_grants_what_it_says_or_a_thousand(
    workspace: Workspace, backend: Backend, at: Clock, answer: Answer, granted: int
) -> None:
    push(workspace, backend.url)
    backend.otherwise = answer
    assert pace_callback.ask_due() == 1
    assert AudienceWalk.objects.get().granted == granted


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (BUSY, 120), (Answer(429, retry_after="2"), 2), (Answer(429), 10), (Answer(503, retry_after="99999"), 3600),
        (Answer(503, retry_after="0"), 1), (Answer(503, retry_after="soon"), 10), (granting(0), 10), (granting(-1), 10),
        (Answer(404), 10), (Answer(500, retry_after="120"), 10), (Answer(body=b"x" * 5000), 10),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_say_go_holds_the_push(
    workspace: Workspace, backend: Backend, at: Clock, answer: Answer, seconds: int
) -> None:
    fleet(workspace, 1)
    task = push(workspace, backend.url, expired_seconds=7200)
    backend.answers = [answer]
    began = at.at
    assert made() == 0
    walk = AudienceWalk.objects.get()
    assert (walk.not_before, walk.held_since) == (began + timedelta(seconds=seconds), began)
    assert not load.any_waiting()
    at.pass_by(seconds=seconds - 1)
    assert (pace_callback.any_due(), made()) == (False, 0)
    assert pace_callback.held_since(task.pk) == began
    at.pass_by(seconds=1)
    assert made() == 1
    assert json.loads(backend.asked[-1][1])["heldSince"] == round(began.timestamp() * 1000)
    assert pace_callback.held_since(task.pk) is None
    assert len(backend.asked) == 2


def test_a_push_is_held_no_longer_than_it_is_valid_and_the_rest_is_counted_as_expired(
    workspace: Workspace, backend: Backend, at: Clock
) -> None:
    fleet(workspace, GRANTED // 100 + 3)
    task = push(workspace, backend.url, expired_seconds=100)
    backend.answers, backend.otherwise = [granting(3)], Answer(503, retry_after="60")
    assert made() == 3
    for seconds in (0, 60, 40):
        at.pass_by(seconds=seconds)
        total = made()
    assert total == GRANTED // 100 + 3
    assert len(backend.asked) == 3  # once, at 0 and at 60 seconds; not when it had expired
    task.refresh_from_db()
    assert (task.message_count, task.expired_count) == (total, total - 3)
    assert set(Message.objects.order_by("pk").values_list("status", flat=True)[3:]) == {statuses.EXPIRED}
    assert AudienceWalk.objects.get().finished_at
    assert pace_callback.held_since(task.pk)


def test_a_revoked_push_asks_no_more(workspace: Workspace, backend: Backend, at: Clock) -> None:
    fleet(workspace, 5)
    task = push(workspace, backend.url)
    backend.answers = [granting(2)]
    assert made() == 2
    revocations.revoke_task(workspace, task.pk)
    assert made() == 2
    assert len(backend.asked) == 1
    assert AudienceWalk.objects.get().finished_at


def test_one_that_does_not_answer_holds_up_no_other(workspace: Workspace, backend: Backend, at: Clock) -> None:
    fleet(workspace, 2)
    push(workspace, "http://127.0.0.1:1/closed")
    push(workspace, backend.url, msgkey="other")
    made()
    held, going = AudienceWalk.objects.order_by("pk")
    assert (held.held_since, going.held_since) == (at.at, None)
    assert Message.objects.filter(task=going.pk).count() == 2


def test_a_private_address_is_not_called(workspace: Workspace, backend: Backend, at: Clock, settings: Settings) -> None:
    settings.RECEIPT_ALLOW_PRIVATE = False
    fleet(workspace, 1)
    push(workspace, backend.url)
    assert made() == 0
    assert not backend.asked
    assert AudienceWalk.objects.get().held_since


def test_a_process_that_dies_while_it_asks_is_followed_by_another(
    workspace: Workspace, backend: Backend, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(workspace, 1)
    push(workspace, backend.url)

    def dying(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dies:
        dies.setattr(pace_callback, "_answers", dying)
        with pytest.raises(KeyboardInterrupt):
            pace_callback.ask_due()
    assert made() == 0
    at.pass_by(seconds=30)
    assert made() == 1


def test_a_file_and_a_pace_beside_it(workspace: Workspace, backend: Backend, at: Clock) -> None:
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))
    data = lines_of(9).encode()
    request = FilePush(
        template_name="hello", sha256=hashlib.sha256(data).hexdigest(), delivery_type=3, expired_seconds=3600,
        messages_per_second=2, pace_url=backend.url,
    )  # fmt: skip
    upload.receive(workspace, request, io.BytesIO(data).read, source=PushTask.Source.REST, author="test")
    backend.answers = [granting(5)]
    counts = []
    for _ in range(8):
        counts.append(made())
        at.pass_by(seconds=1)
    assert all(count <= 2 * (second + 3) for second, count in enumerate(counts))
    assert counts[-1] == 9
    assert [json.loads(body)["made"] for _, body in backend.asked] == [0, 5]
    assert FileImport.objects.get().finished_at


def test_each_wave_of_a_local_time_asks_when_it_begins(workspace: Workspace, backend: Backend, at: Clock) -> None:
    here, there = fleet(workspace, 2)
    Device.objects.filter(pk=here).update(time_zone="Asia/Tokyo")
    Device.objects.filter(pk=there).update(time_zone="Europe/Berlin")
    push(workspace, backend.url, local_time="09:00", expired_seconds=600)
    assert made() == 0
    assert not backend.asked
    backend.answers = [granting(1000), Answer(503, retry_after="3600")]
    for asked in (1, 2):
        following = AudienceWalk.objects.get().not_before
        assert following is not None
        at.at = following
        assert made() == 1  # the second wave is held
        assert len(backend.asked) == asked
    assert len(backend.asked) == 2
    at.pass_by(seconds=600)
    assert made() == 2
    assert len(backend.asked) == 2
    assert list(Message.objects.order_by("pk").values_list("status", flat=True))[1] == statuses.EXPIRED


@pytest.mark.parametrize(
    "url", ["ftp://shop.example", "https://", "https://u:p@shop.example", "https://shop.example/?sign=1", "x" * 1001]
)
def test_a_url_that_cannot_be_asked_is_refused(workspace: Workspace, url: str) -> None:
    with pytest.raises(ResultError, match="paceUrl"):
        push(workspace, url)


def test_the_detail_of_a_task_says_since_when_it_is_held(workspace: Workspace, backend: Backend, at: Clock) -> None:
    task = push(workspace, backend.url)

    def shown() -> int | None:
        caller = Caller(PushTask.Source.REST, "test", V2020)
        since: int | None = query_task_detail(workspace, {"taskId": task.pk}, caller)["paceHeldSince"]
        return since

    assert shown() is None
    backend.answers = [BUSY]
    made()
    assert shown() == round(at.at.timestamp() * 1000)
