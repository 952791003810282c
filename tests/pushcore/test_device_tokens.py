"""Device tokens of vendors: which are accepted, and that each belongs to one device of a workspace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pushcore import ports, retention
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import activities, client_requests, registry, server_requests, tokens
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.devices.tokens import Claim, check_third_party
from pushcore.models import Binding, Device, TokenLoss, Workspace
from tests.pushcore.conftest import RecordingLane
from tests.support.threads import at_once

APNS = "ab" * 32


def new_device(workspace: Workspace, platform: Platform = Platform.ANDROID, **info: Any) -> KnownDevice:
    return registry.register([(workspace, DeviceInfo(platform=platform, **info))])[0][0]


def token_of(device: KnownDevice) -> tuple[int | None, str]:
    return Device.objects.values_list("third_channel", "third_token").get(pk=device.id)


# -- which are taken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [APNS, APNS.upper(), f"<{APNS}>", f" {APNS[:8]} {APNS[8:]}\n", "0a" * 100])
def test_an_apns_token_is_kept_in_one_spelling(given: str) -> None:
    kept = check_third_party(Platform.IOS, 2, given)
    assert kept.channel == Channel.APNS
    assert kept.token == "".join(given.split()).strip("<>").lower()


@pytest.mark.parametrize(
    ("platform", "channel", "token", "result"),
    [
        (Platform.ANDROID, 2, APNS, ResultCode.INVALID_PARAM),
        (Platform.IOS, 5, "huawei", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 13, "harmony", ResultCode.INVALID_PARAM),
        (Platform.HARMONYOS, 4, "mi", ResultCode.INVALID_PARAM),
        (Platform.IOS, 2, "zz not hex!", ResultCode.INVALID_PARAM),
        (Platform.IOS, 2, "ab" * 31, ResultCode.INVALID_PARAM),
        (Platform.IOS, 2, "ab" * 101, ResultCode.INVALID_PARAM),
        (Platform.IOS, 2, "a" * 65, ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 4, "two words", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 4, "ü", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 4, "x" * 513, ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 3, "t", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 0, "t", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, None, "t", ResultCode.INVALID_PARAM),
        (Platform.ANDROID, 4, " ", ResultCode.NEED_DELIVERYTOKEN),
    ],
)
def test_a_token_that_no_vendor_could_reach_the_device_by_is_refused(
    platform: Platform, channel: int | None, token: str, result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        check_third_party(platform, channel, token)
    assert refused.value.result == result


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("os_type", "result"), [(2, ResultCode.OS_TYPE_NOT_SUPPORTED), (7, ResultCode.OS_TYPE_NOT_SUPPORTED)]
)
def test_a_backend_that_names_the_wrong_platform_is_refused(
    workspace: Workspace, known: KnownDevice, os_type: int, result: ResultCode
) -> None:
    calls: list[Callable[[], None]] = [
        lambda: server_requests.bind(workspace, "ann", known.ad_token, os_type),
        lambda: server_requests.report(workspace, known.ad_token, os_type, None, "", {"model": "M"}),
    ]
    for call in calls:
        with pytest.raises(ResultError) as refused:
            call()
        assert refused.value.result == result
    assert not Binding.objects.exists()


@pytest.mark.django_db
def test_no_ios_device_is_created_for_an_invalid_apns_token(workspace: Workspace) -> None:
    with pytest.raises(ResultError) as refused:
        server_requests.bind(workspace, "ann", "zz not hex!", 2)
    assert refused.value.result == ResultCode.DELIVERYTOKEN_INVALID
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"platform": "ios", "token": APNS.upper()}, (Channel.APNS, APNS)),
        ({"thirdChannel": "4", "thirdChannelDeviceToken": "mi"}, (Channel.XIAOMI, "mi")),
        ({}, (None, "")),
    ],
)
def test_a_registration_carries_the_token_of_any_vendor(given: dict[str, object], kept: tuple[int, str]) -> None:
    info = DeviceInfo.from_mapping(given)
    assert (info.channel, info.third_token) == kept


@pytest.mark.parametrize(
    "given", [{"token": "mi"}, {"platform": "ios", "token": "no hex"}, {"platform": "ios", "token": ["x"]}]
)
def test_a_registration_with_an_unusable_token_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ResultError) as refused:
        DeviceInfo.from_mapping(given)
    assert refused.value.result == ResultCode.INVALID_PARAM


@pytest.mark.django_db
def test_a_device_withdraws_its_token_and_is_reached_by_the_self_built_channel(known: KnownDevice) -> None:
    client_requests.report(known.id, 4, "mi")
    client_requests.report(known.id, 0, "")
    assert token_of(known) == (None, "")


# -- whose they are ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["report", "register", "server_report"])
def test_after_a_reinstall_nothing_for_the_previous_user_reaches_the_phone(
    workspace: Workspace, lane: RecordingLane, send: Any, way: str
) -> None:
    previous = new_device(workspace)
    client_requests.report(previous.id, 4, "mi")
    server_requests.bind(workspace, "alice", previous.ad_token, 1)
    if way == "register":
        phone = new_device(workspace, third_channel=4, third_token="mi")
    else:
        phone = new_device(workspace)
        if way == "report":
            client_requests.report(phone.id, 4, "mi")
        else:
            server_requests.report(workspace, phone.ad_token, 1, 4, "mi", {})
    server_requests.bind(workspace, "bob", phone.ad_token, 1)
    send({"alice": "k1"})
    send({"bob": "k2"})
    assert [(one.target, one.third_token) for one in lane.got] == [("alice", ""), ("bob", "mi")]
    loss = TokenLoss.objects.get()
    assert (loss.device_id, loss.taken_by_id, loss.channel) == (previous.id, phone.id, Channel.XIAOMI)


@pytest.mark.django_db
def test_an_ios_device_that_registers_again_takes_its_token_along(
    workspace: Workspace, lane: RecordingLane, send: Any
) -> None:
    server_requests.bind(workspace, "alice", APNS, 2)
    phone = new_device(workspace, Platform.IOS, third_token=APNS)
    server_requests.bind(workspace, "bob", APNS, 2)
    send({"alice": "k1", "bob": "k2"})
    assert [(one.target, one.device_id) for one in lane.got if one.third_token] == [("bob", phone.id)]


@pytest.mark.django_db
def test_a_user_with_two_rows_of_one_phone_gets_one_notification(
    workspace: Workspace, lane: RecordingLane, send: Any
) -> None:
    # As rows may stand that were made before tokens had one owner: a constraint forbids more of them.
    first, second = new_device(workspace), new_device(workspace)
    client_requests.report(second.id, 4, "mi")
    Device.objects.filter(pk=first.id).update(third_token="mi", third_channel=None)
    Device.objects.filter(pk=second.id).update(third_channel=None)
    for device in (first, second):
        server_requests.bind(workspace, "ann", device.ad_token, 1)
    send({"ann": "k1"})
    assert len(lane.got) == 1


@pytest.mark.django_db
def test_another_workspace_and_another_channel_have_tokens_of_their_own(workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    here, there, besides = new_device(workspace), new_device(other), new_device(workspace)
    client_requests.report(here.id, 4, "t")
    client_requests.report(there.id, 4, "t")
    client_requests.report(besides.id, 5, "t")
    assert [token_of(one) for one in (here, there, besides)] == [(4, "t"), (4, "t"), (5, "t")]
    assert not TokenLoss.objects.exists()


@pytest.mark.django_db
def test_of_many_claims_at_once_the_last_of_each_token_counts(workspace: Workspace) -> None:
    first, second, third = (new_device(workspace) for _ in range(3))
    tokens.claim([Claim(workspace.pk, first.id, 4, "a"), Claim(workspace.pk, second.id, 4, "b")])
    tokens.claim(
        [
            Claim(workspace.pk, first.id, 4, "b"),
            Claim(workspace.pk, second.id, 4, "a"),
            Claim(workspace.pk, third.id, 4, "b"),
        ]
    )
    assert [token_of(one) for one in (first, second, third)] == [(None, ""), (4, "a"), (4, "b")]


@pytest.mark.django_db
def test_a_token_that_a_vendor_replaced_is_kept_only_in_the_place_of_the_one_it_replaced(workspace: Workspace) -> None:
    device = new_device(workspace)
    client_requests.report(device.id, 4, "new")
    tokens.claim([Claim(workspace.pk, device.id, 4, "late", instead_of="old")])
    assert token_of(device) == (4, "new")
    tokens.claim([Claim(workspace.pk, device.id, 4, "newer", instead_of="new")])
    assert token_of(device) == (4, "newer")


@pytest.mark.django_db
def test_records_of_lost_tokens_are_kept_as_long_as_the_audit_log(workspace: Workspace, settings: Any) -> None:
    for _ in range(3):
        client_requests.report(new_device(workspace).id, 4, "mi")
    old, recent = TokenLoss.objects.order_by("pk")
    TokenLoss.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS + 1))
    retention.purge()
    assert TokenLoss.objects.get() == recent


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x" * 64, "ab" * 31, "ab" * 257, ""])
def test_an_invalid_live_activity_token_is_refused(workspace: Workspace, token: str) -> None:
    with pytest.raises(ResultError, match="activityPushToken"):
        activities.report(workspace, "ride-7", token)
    activities.report(workspace, "ride-7", f"<{APNS.upper()}>")
    assert Device.objects.get().third_token == APNS


@pytest.mark.django_db(transaction=True)
def test_listeners_are_notified_of_both_devices(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    notified: list[list[int]] = []
    monkeypatch.setattr(ports, "_device_listeners", [lambda ids: notified.append(list(ids))])
    previous, phone = new_device(workspace), new_device(workspace)
    client_requests.report(previous.id, 4, "mi")
    client_requests.report(phone.id, 4, "mi")
    client_requests.report(phone.id, 0, "")
    assert notified == [[previous.id], [previous.id, phone.id], [phone.id]]


@pytest.mark.django_db(transaction=True)
def test_concurrent_reports_end_with_one_owner_a_token_and_without_a_deadlock(workspace: Workspace) -> None:
    """Eight threads move four tokens among four devices, by reports and by vendors' replacements."""
    phones = [new_device(workspace) for _ in range(4)]

    def report(number: int) -> None:
        for step in range(25):
            one, other = phones[(number + step) % 4], phones[(number + 3 * step + 1) % 4]
            tokens.change(
                claims=[
                    Claim(workspace.pk, one.id, 4, f"t{step * number % 4}"),
                    Claim(workspace.pk, other.id, 4, f"t{(step + number) % 4}"),
                ]
            )

    at_once(8, report)
    owned = [token for _, token in map(token_of, phones) if token]
    assert owned
    assert len(owned) == len(set(owned))


@pytest.mark.django_db(transaction=True)
def test_binds_of_one_new_apns_token_at_once_make_one_device(workspace: Workspace) -> None:
    at_once(6, lambda _: server_requests.bind(workspace, "ann", APNS, 2))
    assert Device.objects.get().third_token == APNS
    assert Binding.objects.get().device_id == Device.objects.get().pk
