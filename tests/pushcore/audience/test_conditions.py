"""Conditions: both of their forms, their faults, and what they choose, recounted with Python's sets."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from pushcore.audience import conditions, profiles, resolve
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.audience.condition_text import to_json_form
from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.models import Device, Workspace


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("'a' in topics", {"topic": "a"}),
        ("'a' in topics && !('b' in topics)", {"and": [{"topic": "a"}, {"not": {"topic": "b"}}]}),
        ("!'a' in tags||'b' in tags&&'c' in topics", {
            "or": [{"not": {"tag": "a"}}, {"and": [{"tag": "b"}, {"topic": "c"}]}],
        }),
        ("('a' in tags || 'b' in tags) && 'c' in tags", {
            "and": [{"or": [{"tag": "a"}, {"tag": "b"}]}, {"tag": "c"}],
        }),
    ],
)  # fmt: skip
def test_text_says_the_same_as_the_json_form(text: str, form: dict[str, Any]) -> None:
    assert to_json_form(text) == form
    assert conditions.parse(text) == conditions.parse(form)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "at character 1 "),
        ("'a' in topics &&", "at character 17 "),
        ("'a' in topics 'b' in topics", "at character 15 "),
        ("('a' in topics", "at character 15 "),
        ("'a' in devices", "at character 1 "),
        ("(" * 5000 + "'a' in tags", "over 4096 characters"),
        ("(" * 4000 + "'a' in tags", "at character 33 "),
        ("'b c' in tags", "condition.tag: tag 'b c': a name has"),
        ({}, "condition: an object with one term"),
        ([], "condition: an object with one term"),
        ({"colour": 1}, "condition: 'colour' is none of and, or, not, tag"),
        ({"and": []}, "condition.and: a list"),
        ({"and": [{"tag": "vip"}, {"or": [{"tag": 7}]}]}, "condition.and[1].or[0].tag: a name"),
        ({"tag": "a", "topic": "b"}, "condition: 'topic' does not stand beside tag"),
        ({"not": {"platform": "symbian"}}, "condition.not.platform: "),
        ({"attribute": "age"}, "condition.attribute: one of eq, lt"),
        ({"attribute": "age", "gte": 1, "lt": 5}, "condition.attribute: one of eq, lt"),
        ({"attribute": "age", "gte": True}, "condition.attribute: "),
        ({"attribute": 'a"b', "gte": 1}, "condition.attribute: attribute 'a\"b': a name has a letter"),
        ({"last_seen_within_days": 0}, "condition.last_seen_within_days: a whole number"),
        ({"bound": 1}, "condition.bound: true or false"),
        ({"channel": "pigeon"}, "condition.channel: one of self_built, apns"),
        ({"app_version": "2.0"}, "condition.app_version: an object with one of eq"),
        ({"app_version": {"gte": "2.x"}}, "condition.app_version.gte: a version"),
        ({"app_version": {"gte": 2.1}}, "condition.app_version.gte: a version"),
        ({"country": "China"}, "condition.country: two letters"),
        ({"language": "?"}, "condition.language: a language tag"),
        ({"or": [{"tag": "a"}] * 21}, "condition.or[20]: more than 20 terms"),
        ({"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"tag": "a"}}}}}}}}}, "more than 8 levels"),
    ],
)
def test_a_fault_is_named_with_the_path_of_its_term(given: Any, said: str) -> None:
    with pytest.raises(ResultError) as refused:
        conditions.parse(given)
    assert refused.value.result is ResultCode.CONDITION_INVALID
    assert said in refused.value.message


@pytest.mark.django_db
def test_a_tag_that_the_workspace_does_not_have_is_a_fault(workspace: Workspace) -> None:
    with pytest.raises(ResultError, match=r"condition\.or\[1\]\.tag: the workspace has no tag 'vpi'"):
        resolve.count(workspace.pk, conditions.parse({"or": [{"platform": "ios"}, {"tag": "vpi"}]}))


@dataclass
class Facts:
    """What a test knows of a device, or of a user."""

    tags: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)

    def as_change(self) -> ProfileChange:
        return ProfileChange(NamesChange(tuple(self.tags)), NamesChange(tuple(self.topics)), self.attributes)


@dataclass
class Known:
    """A device: its own facts, its user's, and the rest that terms ask for."""

    id: int
    platform: Platform
    info: DeviceInfo
    days: float | None
    user: str
    facts: list[Facts]


NAMES = ["a", "b", "c"]
# Versions of apps, and numbers in the same order.
NUMBERS = {"": None, "beta": None, "2": 2.0, "2.0.0": 2.0, "v2.9.0": 2.9, "2.10-rc1": 2.95, "10": 10.0, "9" * 60: 1e60}
USERS = ["", "u1", "u2", "u3"]
VALUES: list[Any] = [1, 2.5, 3, "x", "y'\"", {"time": 5}, {"time": 9}]


def some_facts(dice: random.Random) -> Facts:
    return Facts(
        {name for name in NAMES if dice.random() < 0.3},
        {name for name in NAMES if dice.random() < 0.3},
        {name: dice.choice(VALUES) for name in ("age", "city") if dice.random() < 0.6},
    )


def a_condition(dice: random.Random, depth: int = 3) -> dict[str, Any]:
    kind = dice.choice(
        ("and", "or", "not", "tag", "topic", "attribute", "platform", "seen", "bound", "info", "version")
    )
    if depth > 0 and kind in ("and", "or"):
        return {kind: [a_condition(dice, depth - 1) for _ in range(dice.randint(1, 2))]}
    if depth > 0 and kind == "not":
        return {"not": a_condition(dice, depth - 1)}
    if kind == "attribute":
        return {"attribute": dice.choice(("age", "city")), dice.choice(list(COMPARE)): dice.choice(VALUES)}
    if kind == "platform":
        return {"platform": dice.choice(("android", "ios"))}
    if kind == "seen":
        return {"last_seen_within_days": dice.choice((1, 7, 30))}
    if kind == "bound":
        return {"bound": dice.random() < 0.5}
    if kind == "info":
        return dice.choice(
            (
                {"channel": "self_built"},
                {"channel": "apns"},
                {"country": "cn"},
                {"language": "zh"},
                {"language": "zh-hans"},
            )
        )
    if kind == "version":
        return {"app_version": {dice.choice(list(COMPARE)): dice.choice(("2", "2.9", "2.10", "10"))}}
    return {dice.choice(("tag", "topic")): dice.choice(NAMES)}


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
}  # fmt: skip


def compares(term: dict[str, Any], value: Any) -> bool:
    [(comparison, wanted)] = [(key, given) for key, given in term.items() if key != "attribute"]
    kinds = [dict if isinstance(one, dict) else str if isinstance(one, str) else float for one in (value, wanted)]
    if kinds[0] is not kinds[1]:
        return False
    if kinds[0] is dict:
        value, wanted = value["time"], wanted["time"]
    return COMPARE[comparison](value, wanted)


def meets(device: Known, condition: dict[str, Any]) -> bool:
    """Tell in the plainest way whether a device meets a condition."""
    match condition:
        case {"and": parts}:
            return all(meets(device, part) for part in parts)
        case {"or": parts}:
            return any(meets(device, part) for part in parts)
        case {"not": part}:
            return not meets(device, part)
        case {"tag": name}:
            return any(name in facts.tags for facts in device.facts)
        case {"topic": name}:
            return any(name in facts.topics for facts in device.facts)
        case {"attribute": name}:
            return any(
                name in facts.attributes and compares(condition, facts.attributes[name]) for facts in device.facts
            )
        case {"platform": name}:
            return device.platform.api_name == name
        case {"last_seen_within_days": days}:
            return device.days is not None and device.days < days
        case {"bound": bound}:
            return bool(device.user) == bound
        case {"channel": name}:
            return (name == "apns") == bool(device.info.third_token)
        case {"country": name}:
            return device.info.country == name.upper()
        case {"language": name}:
            return f"{device.info.language}-".lower().startswith(f"{name}-")
        case {"app_version": wanted}:
            [(comparison, version)] = wanted.items()
            number = NUMBERS[device.info.app_version]
            return number is not None and COMPARE[comparison](number, float(version.replace("2.10", "2.95")))
    raise AssertionError(condition)


def a_population(workspace: Workspace, dice: random.Random) -> list[Known]:
    users = {user: some_facts(dice) for user in USERS if user}
    for user, facts in users.items():
        profiles.update(workspace.pk, TargetType.USER, [user], facts.as_change())
    population = []
    for _ in range(60):
        platform = dice.choice((Platform.ANDROID, Platform.IOS))
        info = DeviceInfo(
            platform=platform,
            third_token=uuid4().hex * 2 if platform is Platform.IOS and dice.random() < 0.5 else "",
            app_version=dice.choice(list(NUMBERS)),
            country=dice.choice(("", "CN", "NO")),
            language=dice.choice(("", "zh", "zh-Hans-CN", "zho", "nb")),
        )
        device = registry.register([(workspace, info)])[0][0]
        days = dice.choice((None, 0.5, 3.5, 20.5, 100.5))
        seen = None if days is None else timezone.now() - timedelta(days=days)
        Device.objects.filter(pk=device.id).update(last_seen_at=seen)
        own, user = some_facts(dice), dice.choice(USERS)
        if dice.random() < 0.7:
            profiles.update(workspace.pk, TargetType.DEVICE, [device.ad_token], own.as_change())
        else:
            own = Facts()
        row = Device.objects.get(pk=device.id)
        if user:
            bindings.bind(row, user)
        former = dice.random() < 0.2
        if former and user:
            bindings.unbind(row, user)
            user = ""
        population.append(Known(device.id, platform, info, days, user, [own, *([users[user]] if user else [])]))
    return population


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_random_conditions_choose_what_a_plain_recount_chooses(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(resolve, "PAGE", 7)
    dice = random.Random(seed)
    all_names = NamesChange(tuple(NAMES))
    profiles.update(workspace.pk, TargetType.USER, [], ProfileChange(all_names, all_names))
    population = a_population(workspace, dice)
    strangers = Workspace.objects.create(app=workspace.app, workspace_id="other")
    registry.register([(strangers, DeviceInfo(platform=Platform.IOS))])
    chosen = 0
    for _ in range(40):
        form = a_condition(dice)
        condition = conditions.parse(form)
        wanted = [device.id for device in population if meets(device, form)]
        assert resolve.count(workspace.pk, condition) == len(wanted), form
        walk = resolve.Walk(workspace.pk, condition, resolve.ids_of_names(workspace.pk, condition))
        assert [device.device_id for page in walk.pages() for device in walk.find(page)] == wanted, form
        if wanted:
            middle = wanted[len(wanted) // 2]
            rest = [device.device_id for page in walk.pages(middle, wanted[-1]) for device in walk.find(page)]
            assert rest == wanted[len(wanted) // 2 + 1 :]
        chosen += 0 < len(wanted) < len(population)
    assert chosen > 10
