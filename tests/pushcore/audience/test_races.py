"""Calls about audiences at the same moment: they wait for each other, and end as if one came after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from pushcore.audience import names, profiles
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.audience.names import Kind
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import registry, removal
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.models import AudienceName, AudienceProfile, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def at_once(*works: Callable[[], T]) -> list[T]:
    """Run functions in threads that begin at the same moment; return what they return."""
    together = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        together.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_calls_at_once_do_not_make_more_names_than_a_workspace_may_have(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_NAMES", 5)

    def make(first: int) -> str:
        try:
            names.make(workspace.pk, Kind.TAG, ["same", *(f"t{first}-{n}" for n in range(2))])
        except ResultError as error:
            return error.result.code
        return "100"

    answers = at_once(*(lambda first=first: make(first) for first in range(4)))
    assert sorted(answers) == ["100", "100", ResultCode.TAG_NUM_TOO_MUCH.code, ResultCode.TAG_NUM_TOO_MUCH.code]
    assert AudienceName.objects.count() == 5


def test_calls_at_once_about_the_same_users_in_any_order_all_take_effect(workspace: Workspace) -> None:
    users = [f"u{n}" for n in range(300)]
    tags = [f"t{n}" for n in range(4)]
    names.make(workspace.pk, Kind.TAG, tags)

    def tag(place: int) -> None:
        targets = users if place % 2 else users[::-1]
        for _ in range(3):
            profiles.update(workspace.pk, TargetType.USER, targets, ProfileChange(NamesChange((tags[place],))))

    at_once(*(lambda place=place: tag(place) for place in range(4)))
    assert {len(row.tags) for row in AudienceProfile.objects.all()} == {4}
    assert AudienceProfile.objects.count() == 300


def test_a_device_that_ends_at_the_same_moment_leaves_no_profile(workspace: Workspace) -> None:
    names.make(workspace.pk, Kind.TAG, ["vip"])
    change = ProfileChange(NamesChange(("vip",)))
    for _ in range(5):
        device = registry.register([(workspace, DeviceInfo())])[0][0]
        at_once(
            lambda device=device: profiles.update(workspace.pk, TargetType.DEVICE, [device.ad_token], change),  # type: ignore[misc]
            lambda device=device: removal.remove([device.id]),  # type: ignore[misc]
        )
    assert not AudienceProfile.objects.exists()
