"""Of random pushes with categories every accepted message is accounted for: delivered, held back, without consent,
expired or waiting, as a plain recount says, and on the devices as the rows say."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway.sink import Sink
from pushcore.broadcast import vendor_walk
from pushcore.categories import quiet_hours
from pushcore.codes import statuses
from pushcore.delivery import expiry
from pushcore.devices import bindings
from pushcore.file_push import upload
from pushcore.loading import load
from pushcore.models import Device, Message, MessageCategory, PushTask, QuietHours, Receipt, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, FilePush, MultiplePush, SimplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from tests.gateway.conftest import Connect
from tests.gateway.pushing import wait_for

RPC: dict[str, Any] = {"source": PushTask.Source.RPC, "author": "test"}
CATEGORIES: dict[str, dict[str, Any]] = {
    "": {},
    "orders": {},
    "offers": {"is_marketing": True, "daily_cap": 3},
    "news": {"weekly_cap": 4, "keeps_quiet_hours": True},
    "reminders": {"keeps_quiet_hours": True},
}
PUSHES = 40


class World:
    """A workspace with devices that are connected, and what should become of each message."""

    def __init__(self, workspace: Workspace, connect: Connect, seed: int) -> None:
        self.workspace, self.random = workspace, random.Random(seed)
        self.paho = {name: connect() for name in ("quiet", "awake", "refusing", "shared", "away")}
        self.rows = {name: Device.objects.get(ad_token=device.ad_token) for name, device in self.paho.items()}
        # It is quiet now in UTC; twelve hours on it is not.
        now = timezone.now()
        QuietHours.objects.create(
            workspace=workspace, starts=(now - timedelta(hours=2)).time(), ends=(now + timedelta(hours=2)).time()
        )
        for name, zone in {"awake": "Etc/GMT-12", "refusing": "Etc/GMT-12", "shared": "Etc/GMT+12"}.items():
            Device.objects.filter(pk=self.rows[name].pk).update(time_zone=zone)
        Device.objects.filter(pk=self.rows["refusing"].pk).update(marketing_consent=False)
        self.users = {"ann": ["quiet", "shared"], "bob": ["refusing"], "nobody": []}
        for user, names in self.users.items():
            for name in names:
                bindings.bind(self.rows[name], user)
        for name, rules in CATEGORIES.items():
            if name:
                MessageCategory.objects.create(workspace=workspace, name=name, **rules)
        templates.create(workspace, TemplateDraft("news", "d", "News", "Body"))
        self.counts: Counter[tuple[str, str]] = Counter()
        # By msgkey and the name of a device ("" where there is none).
        self.expected: dict[tuple[str, str], int] = {}
        self.quiet: set[tuple[str, str]] = set()

    def push(self, number: int) -> None:
        """Push to some users or devices in one of many ways, and write down what should become of it."""
        pick = self.random
        category, loud = pick.choice(list(CATEGORIES)), pick.random() < 0.2
        common: dict[str, Any] = {
            "expired_seconds": 3600, "message_category": category, "ignore_quiet_hours": loud,
        }  # fmt: skip
        to_users = pick.random() < 0.5
        names = sorted(self.users if to_users else self.paho)
        targets = pick.sample(names, pick.randint(1, len(names)))
        spelled = {name: name if to_users else self.rows[name].ad_token for name in targets}
        kind = pick.choice(("simple", "multiple", "file", "broadcast"))
        delivery_type = 3 if to_users else 1
        if kind == "simple":
            keys = {name: f"{number}-{name}" for name in targets}
            request = SimplePush(
                title="T",
                content="C",
                delivery_type=delivery_type,
                target_msgkey={spelled[name]: keys[name] for name in targets},
                **common,
            )
            pushes.accept(self.workspace, request, **RPC)
        elif kind == "multiple":
            messages = [TargetMessage(target=spelled[name], msgkey=f"{number}-{name}") for name in targets]
            multiple = MultiplePush(template_name="news", delivery_type=delivery_type, target_msg=messages, **common)
            pushes.accept(self.workspace, multiple, **RPC)
        elif kind == "file":
            lines = "".join(f"{spelled[name]},{number}-{name}\n" for name in targets).encode()
            file = upload.keep(self.workspace, io.BytesIO(lines).read)
            from_file = FilePush(template_name="news", delivery_type=delivery_type, sha256=file.sha256, **common)
            upload.push(self.workspace, from_file, file, **RPC)
            load.load_all()
        else:
            to_users, targets = False, sorted(self.paho)
            all_devices = BroadcastPush(template_name="news", delivery_type=1, msgkey=f"{number}", **common)
            if not CATEGORIES[category] or (category == "reminders" and loud):
                return  # no rule asks for the device: one row for all
            pushes.accept(self.workspace, all_devices, **RPC)
            vendor_walk.walk_all()
        for name in targets:
            key = f"{number}" if kind == "broadcast" else f"{number}-{name}"
            self._expect(key, name if to_users else "", self.users[name] if to_users else [name], category, loud=loud)

    def _expect(self, key: str, user: str, devices: Sequence[str], category: str, *, loud: bool) -> None:
        rules = CATEGORIES[category]
        refused = [name for name in devices if rules.get("is_marketing") and name == "refusing"]
        for name in refused:
            self.expected[key, name] = statuses.NO_CONSENT
        left = [name for name in devices if name not in refused]
        cap = rules.get("daily_cap") or rules.get("weekly_cap")
        subject = (category, f"u{user}" if user else f"d{devices[0]}")
        counts = bool(left) or (not devices)
        is_held = cap is not None and counts and self.counts[subject] >= cap
        self.counts[subject] += cap is not None and counts and not is_held
        if not devices:
            self.expected[key, ""] = statuses.HELD_BACK if is_held else statuses.NO_BIND_INFO
        for name in left:
            self.expected[key, name] = statuses.HELD_BACK if is_held else statuses.ACKED
            if not is_held and rules.get("keeps_quiet_hours") and not loud and name in ("quiet", "away"):
                self.quiet.add((key, name))

    def found(self) -> dict[tuple[str, str], int]:
        names = {row.pk: name for name, row in self.rows.items()}
        rows = Message.objects.filter(workspace=self.workspace).values_list("msgkey", "device_id", "status")
        return {(key, names.get(device_id, "")): status for key, device_id, status in rows}

    def on_devices(self) -> set[tuple[str, str]]:
        return {(data["msgKey"], name) for name, device in self.paho.items() for _, data, _ in device.received}


def wanted(world: World, *, in_quiet_hours: bool) -> dict[tuple[str, str], int]:
    held = world.quiet if in_quiet_hours else set()
    return world.expected | dict.fromkeys(held, statuses.WAITING)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_accepted_message_is_accounted_for(connect: Connect, sink: Sink, workspace: Workspace, seed: int) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(callback_enabled=True, callback_url="https://example.com/r")
    world = World(workspace, connect, seed)
    for number in range(PUSHES):
        world.push(number)
    assert wait_for(lambda: world.found() == wanted(world, in_quiet_hours=True)), difference(world, in_quiet_hours=True)
    assert world.quiet
    # What waits for one device expires; then quiet hours end.
    over = timezone.now() - expiry.GRACE - timedelta(seconds=1)
    late = [key for key in world.quiet if key[1] == "away"]
    ending = Message.objects.filter(status=statuses.WAITING, device=world.rows["away"])
    tasks = list(ending.values_list("task_id", flat=True))
    ending.update(expire_at=over)
    expiry.expire(list(Message.objects.filter(task_id__in=tasks, expire_at=over).values_list("pk", flat=True)))
    for key in late:
        world.quiet.discard(key)
        world.expected[key] = statuses.EXPIRED
    QuietHours.objects.update(enabled=False)
    quiet_hours.changed(workspace.pk)
    assert quiet_hours.offer_again() == len(world.quiet)
    assert wait_for(lambda: world.found() == world.expected), difference(world, in_quiet_hours=False)
    assert world.on_devices() == {key for key, status in world.expected.items() if status == statuses.ACKED}
    recount = Counter(world.expected.values())
    counters = PushTask.objects.filter(workspace=workspace).values_list(
        "message_count", "success_count", "held_back_count", "no_consent_count", "expired_count"
    )
    assert [sum(column) for column in zip(*counters, strict=True)] == [
        recount.total(), *(recount[status] for status in (statuses.ACKED, statuses.HELD_BACK, statuses.NO_CONSENT)),
        recount[statuses.EXPIRED],
    ]  # fmt: skip
    receipted = recount.total() - recount[statuses.EXPIRED] - recount[statuses.NO_BIND_INFO]
    assert Receipt.objects.count() == receipted
    assert min(recount[status] for status in (statuses.ACKED, statuses.HELD_BACK, statuses.NO_CONSENT)) > 0


def difference(world: World, *, in_quiet_hours: bool) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    """Return what is not as it should be: by message, its status and the one that it should have."""
    found, should = world.found(), wanted(world, in_quiet_hours=in_quiet_hours)
    return {key: (found.get(key), should.get(key)) for key in found | should if found.get(key) != should.get(key)}
