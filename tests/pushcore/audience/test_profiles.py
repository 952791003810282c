"""Profiles: tags, topics and attributes of many targets, by one statement, within limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pushcore import retention
from pushcore.audience import conditions, names, profiles, resolve
from pushcore.audience.changes import NamesChange, ProfileChange
from pushcore.audience.names import Kind
from pushcore.audience.profiles import Profile
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import bindings, registry, removal
from pushcore.devices.info import DeviceInfo
from pushcore.devices.state import TargetType
from pushcore.models import AudienceName, AudienceProfile, Device, Workspace

pytestmark = pytest.mark.django_db
DEVICE, USER = TargetType.DEVICE, TargetType.USER
APNS = "ab" * 32


def tagged(*add: str, remove: tuple[str, ...] = ()) -> ProfileChange:
    return ProfileChange(tags=NamesChange(add=add, remove=remove))


def tags_of(workspace: Workspace, user: str) -> list[str]:
    profile = profiles.profile_of(workspace.pk, USER, user)
    assert profile is not None
    return profile.tags


def test_targets_get_and_lose_tags_topics_and_attributes_and_keep_the_others(workspace: Workspace) -> None:
    change = ProfileChange(
        NamesChange(add=("vip", "trial")), NamesChange(add=("news",)), {"age": 30, "city": "Oslo", "at": {"time": 5}}
    )
    assert profiles.update(workspace.pk, USER, [" ann ", "bob"], change) == []
    change = ProfileChange(
        NamesChange(("new",), ("trial", "unknown")), NamesChange(only=True), {"age": 31, "city": None}
    )
    profiles.update(workspace.pk, USER, ["ann"], change)
    assert profiles.profile_of(workspace.pk, USER, "ann") == Profile(["new", "vip"], [], {"age": 31, "at": {"time": 5}})
    bob = Profile(["trial", "vip"], ["news"], {"age": 30, "city": "Oslo", "at": {"time": 5}})
    assert profiles.profile_of(workspace.pk, USER, "bob") == bob
    assert profiles.profile_of(workspace.pk, USER, "eve") == Profile([], [], {})


def test_devices_are_named_by_either_token_and_unknown_ones_are_told(workspace: Workspace) -> None:
    android = registry.register([(workspace, DeviceInfo())])[0][0].ad_token
    registry.register([(workspace, DeviceInfo(platform=2, third_token=APNS, third_channel=2))])  # type: ignore[arg-type]
    decorated = f"<{APNS.upper()}>"
    unknown = profiles.update(workspace.pk, DEVICE, [android, decorated, "nobody"], tagged("vip"))
    assert unknown == ["nobody"]
    for token in (android, decorated):
        assert profiles.profile_of(workspace.pk, DEVICE, token) == Profile(["vip"], [], {})
    assert profiles.profile_of(workspace.pk, DEVICE, "nobody") is None


def test_a_thousand_targets_take_as_many_statements_as_one(workspace: Workspace) -> None:
    profiles.update(workspace.pk, USER, ["ann"], tagged("vip"))
    counts = []
    for targets in (["u0"], [f"u{n}" for n in range(1000)]):
        with CaptureQueriesContext(connection) as queries:
            profiles.update(workspace.pk, USER, targets, tagged("vip", remove=("trial",)))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert AudienceProfile.objects.count() == 1001
    with pytest.raises(ResultError, match="at most 1000"):
        profiles.update(workspace.pk, USER, ["u"] * 1001, tagged("vip"))


def test_a_target_beyond_its_limit_leaves_the_whole_call_undone(workspace: Workspace) -> None:
    profiles.update(workspace.pk, USER, ["ann"], tagged(*[f"t{n}" for n in range(100)]))
    with pytest.raises(ResultError, match="ann: a target has at most 100 tags") as refused:
        profiles.update(workspace.pk, USER, ["abe", "ann"], tagged("one more"[:3]))
    assert refused.value.result is ResultCode.TAG_NUM_TOO_MUCH
    assert tags_of(workspace, "abe") == []
    profiles.update(workspace.pk, USER, ["ann"], tagged("last", remove=("t0",)))
    assert "last" in tags_of(workspace, "ann")
    with pytest.raises(ResultError, match="at most 50 attributes"):
        profiles.update(workspace.pk, USER, ["bob"], ProfileChange(attributes={f"a{n}": n for n in range(51)}))


def test_a_workspace_has_a_thousand_tags_and_another_a_thousand_of_its_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_NAMES", 2)
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    first = names.make(workspace.pk, Kind.TAG, ["vip", "trial"])
    assert names.make(workspace.pk, Kind.TAG, ["trial", "vip"]) == first
    names.make(workspace.pk, Kind.TOPIC, ["vip"])
    assert set(names.make(other.pk, Kind.TAG, ["vip", "trial"]).values()).isdisjoint(first.values())
    with pytest.raises(ResultError) as refused:
        names.make(workspace.pk, Kind.TAG, ["third"])
    assert refused.value.result is ResultCode.TAG_NUM_TOO_MUCH


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "quote'", "a\0"])
def test_a_name_that_is_written_wrongly_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ResultError) as refused:
        profiles.update(workspace.pk, USER, ["ann"], tagged(name))
    assert refused.value.result is ResultCode.INVALID_PARAM
    assert not AudienceName.objects.exists()


def test_names_are_of_any_script(workspace: Workspace) -> None:
    profiles.update(workspace.pk, USER, ["ann"], tagged("会员", "plan:gold", "v1.2-x~%"))
    assert len(tags_of(workspace, "ann")) == 3


def test_what_changes_nothing_writes_nothing(workspace: Workspace) -> None:
    change = ProfileChange(NamesChange(add=("vip",), remove=("trial",)), attributes={"age": 30, "none": None})
    profiles.update(workspace.pk, USER, ["ann"], change)
    place = place_of_the_row()
    profiles.update(workspace.pk, USER, ["ann"], change)
    assert place_of_the_row() == place
    profiles.update(workspace.pk, USER, ["ann"], tagged(remove=("vip",)))
    assert place_of_the_row() != place


def place_of_the_row() -> str:
    """Return where the only profile lies in its table: an update moves it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM pushcore_audienceprofile")
        [(place,)] = cursor.fetchall()
    return str(place)


def test_a_profile_ends_with_its_device_and_with_its_workspace(workspace: Workspace) -> None:
    device = registry.register([(workspace, DeviceInfo())])[0][0]
    profiles.update(workspace.pk, DEVICE, [device.ad_token], tagged("vip"))
    profiles.update(workspace.pk, USER, ["ann"], tagged("vip"))
    removal.remove([device.id])
    assert [row.user_id for row in AudienceProfile.objects.all()] == ["ann"]
    workspace.delete()
    assert not AudienceProfile.objects.exists()
    assert not AudienceName.objects.exists()


def test_a_users_profile_ends_long_after_the_users_last_device(workspace: Workspace) -> None:
    device = registry.register([(workspace, DeviceInfo())])[0][0]
    bindings.bind(Device.objects.get(pk=device.id), "ann")
    profiles.update(workspace.pk, USER, ["ann", "bob", "eve"], tagged("vip"))
    AudienceProfile.objects.exclude(user_id="eve").update(updated_at=timezone.now() - timedelta(days=366))
    retention.purge()
    assert {row.user_id for row in AudienceProfile.objects.all()} == {"ann", "eve"}


def test_a_removed_name_is_gone_at_once_and_leaves_room_for_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_NAMES", 2)
    monkeypatch.setattr(names, "STEP", 2)
    users = [f"u{n}" for n in range(5)]
    profiles.update(workspace.pk, USER, users, tagged("vip", "trial"))
    names.make(workspace.pk, Kind.TOPIC, ["trial"])
    names.remove(workspace.pk, Kind.TAG, ["trial", "unknown"])
    assert tags_of(workspace, "u0") == ["vip"]
    assert names.all_of(workspace.pk, Kind.TAG) == ["vip"]
    with pytest.raises(ResultError, match="has no tag 'trial'"):
        resolve.count(workspace.pk, conditions.parse({"tag": "trial"}))
    profiles.update(workspace.pk, USER, ["new"], tagged("trial"))
    assert (tags_of(workspace, "new"), tags_of(workspace, "u0")) == (["trial"], ["vip"])
    assert names.purge() == 5
    assert sorted(len(row.tags) for row in AudienceProfile.objects.all()) == [1] * 6
    assert AudienceName.objects.count() == 3
    assert names.purge() == 0
