"""Whatever paces, waves, variants, caps and consents are combined, each device has one message, accounted for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from pushcore.audience import open_hours, resolve
from pushcore.audience.open_hours import Open
from pushcore.codes import statuses
from pushcore.delivery import outcomes
from pushcore.loading import load, pace_callback, wake
from pushcore.models import AbTest, AudienceWalk, AudienceWave, Device, Message, MessageCategory, PushTask, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes
from pushcore.push.requests import AudiencePush, Variant
from tests.pushcore.conftest import Clock, RecordingLane
from tests.pushcore.loading.test_local_time import ZONES, fleet
from tests.support.serving import serving

pytestmark = pytest.mark.django_db(transaction=True)

PUSHES = 12
# The first ones: of these some messages expire, and the third of a category is held back; one is an A/B test.
SURE: list[dict[str, Any]] = [
    {"expired_seconds": 10, "messages_per_second": 1},
    *[{"expired_seconds": 600, "message_category": "offers"}] * 3,
    {
        "expired_seconds": 60,
        "variants": (Variant(name="A", share=30), Variant(name="B", share=30)),
        "test_seconds": 900,
        "messages_per_second": 4,
    },
]


class Moody(ThreadingHTTPServer):
    """A backend that grants some messages, or none for some minutes, as its dice say."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dice = dice


class _Handler(BaseHTTPRequestHandler):
    server: Moody

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        busy = self.server.dice.random() < 0.4
        body = b"" if busy else f'{{"messages": {self.server.dice.randrange(1, 12)}}}'.encode()
        self.send_response(503 if busy else 200)
        if busy:
            self.send_header("Retry-After", str(self.server.dice.randrange(60, 3600)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture(params=[0, 1])
def dice(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
def backend(dice: random.Random, settings: Settings) -> Iterator[Moody]:
    settings.RECEIPT_ALLOW_PRIVATE = True
    with serving(Moody(dice)) as server:
        yield server


def timing(dice: random.Random, backend: Moody) -> dict[str, Any]:
    """Choose when a push goes out, and how fast."""
    when: dict[str, Any] = dice.choice(
        [{}, {}, {"local_time": f"{dice.randrange(24):02}:30"}, {"best_time_hours": dice.randrange(1, 25)}]
    )
    pace: dict[str, Any] = dice.choice([{}, {"messages_per_second": dice.randrange(1, 30)}])
    if not when and dice.random() < 0.4:
        pace = {"over_seconds": dice.randrange(10, 500)}
    url = f"http://127.0.0.1:{backend.server_address[1]}/pace"
    if not when and "over_seconds" not in pace and dice.random() < 0.6:
        when = an_ab_test(dice)
    return when | pace | ({"pace_url": url} if dice.random() < 0.5 else {})


def an_ab_test(dice: random.Random) -> dict[str, Any]:
    """Choose an A/B test, of a part of the audience or of all of it."""
    shares = [dice.randrange(1, 50), dice.randrange(1, 50)]
    if dice.random() < 0.3:
        shares[1] = 100 - shares[0]
    variants = tuple(Variant(name=name, share=share, title=name) for name, share in zip("AB", shares, strict=True))
    return {"variants": variants, "test_seconds": dice.randrange(60, 9000) if sum(shares) < 100 else None}


def run_to_the_end(at: Clock) -> None:
    """Ask and load until all pushes are done, and acknowledge what devices got."""
    for _ in range(3000):
        pace_callback.ask_due()
        load.load_all()
        waiting = Message.objects.filter(status=statuses.WAITING, expire_at__gt=at.at)
        outcomes.record([Outcome(pk, statuses.ACKED) for pk in waiting.values_list("pk", flat=True)])
        walks = AudienceWalk.objects.filter(finished_at=None)
        if not walks:
            return
        earliest = min(walk.not_before or at.at for walk in walks)
        at.at = max(earliest, at.at + timedelta(seconds=1))
    raise AssertionError("the pushes do not end")


def test_each_device_has_one_message_of_each_push_and_each_message_is_accounted_for(
    workspace: Workspace,
    lane: RecordingLane,
    at: Clock,
    dice: random.Random,
    backend: Moody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)
    monkeypatch.setattr(resolve, "PAGE", 7)
    devices = sorted(fleet(workspace, [dice.choice(ZONES) for _ in range(25)]))
    Device.objects.filter(pk__in=devices[:4]).update(marketing_consent=False)
    open_hours.add([Open(dice.choice(devices), at.at - timedelta(hours=dice.randrange(900))) for _ in range(60)])
    MessageCategory.objects.create(workspace=workspace, name="offers", is_marketing=True, daily_cap=2)
    tasks: list[PushTask] = []
    for number in range(PUSHES):
        fields: dict[str, Any] = {"expired_seconds": dice.choice([600, 3600])} | timing(dice, backend)
        fields["message_category"] = dice.choice(["", "offers"])
        fields = SURE[number] if number < len(SURE) else fields
        request = AudiencePush(msgkey=f"k{number}", condition={"platform": "android"}, title="T", content="C", **fields)
        tasks.append(pushes.accept(workspace, request, source=PushTask.Source.REST, author="test"))
    run_to_the_end(at)
    became: Counter[int] = Counter()
    for task in tasks:
        task.refresh_from_db()
        messages = Message.objects.filter(task=task)
        assert list(messages.order_by("device_id").values_list("device_id", flat=True)) == devices
        by_status = Counter(messages.values_list("status", flat=True))
        known = (statuses.ACKED, statuses.EXPIRED, statuses.HELD_BACK, statuses.NO_CONSENT)
        counted = (task.success_count, task.expired_count, task.held_back_count, task.no_consent_count)
        assert counted == tuple(by_status[status] for status in known)
        assert sum(counted) == task.message_count == len(devices)
        became += by_status
    # All of it happened.
    assert AbTest.objects.exclude(winner="").exists()
    assert len(became) == 4
    assert not AudienceWave.objects.exists()
