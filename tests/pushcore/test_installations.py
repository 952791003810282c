"""An installation that registers again gets its device back if it proves that it is the same one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from pushcore.channels import Platform
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import pending_cursor
from pushcore.devices import installations, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.installations import NONCE_WINDOW, Installation, Registered, Registration
from pushcore.models import Device, TokenLoss, Workspace
from tests.support.threads import at_once

PHONE, NONCE = "6e0a5b9c-installation", "b1946ac92492d2347c6235b4d2611184"


def register(workspace: Workspace, info: DeviceInfo | None = None, **proof: Any) -> Registered:
    installation = Installation(PHONE, **proof)
    return installations.register([Registration(workspace, info or DeviceInfo(), installation)])[0]


def accepts(answer: Registered, secret: str) -> bool:
    """Tell whether the device logs in with the secret."""
    return registry.find_devices([answer.device.ad_token])[answer.device.ad_token].has_secret(secret)


@pytest.mark.django_db
def test_a_client_with_the_secret_gets_its_device_back_and_keeps_the_secret(workspace: Workspace) -> None:
    first = register(workspace)
    again = register(workspace, secret=first.secret)
    assert (again.device.id, again.secret, again.is_new) == (first.device.id, first.secret, False)
    assert accepts(again, first.secret)
    assert Device.objects.count() == 1


@pytest.mark.django_db
def test_a_client_that_lost_the_answer_gets_its_device_by_the_same_nonce_with_a_new_secret(
    workspace: Workspace,
) -> None:
    first = register(workspace, nonce=NONCE)
    second = register(workspace, nonce=NONCE)
    third = register(workspace, nonce=NONCE)  # lost once more
    assert {one.device.id for one in (first, second, third)} == {first.device.id}
    assert [accepts(third, one.secret) for one in (first, second, third)] == [False, False, True]


@pytest.mark.django_db
def test_the_nonce_counts_for_minutes_only(workspace: Workspace) -> None:
    first = register(workspace, nonce=NONCE)
    Device.objects.update(created_at=F("created_at") - NONCE_WINDOW - timedelta(seconds=1))
    assert register(workspace, nonce=NONCE).device.id != first.device.id


@pytest.mark.django_db
def test_the_nonce_is_spent_once_the_device_has_logged_in_with_its_secret(workspace: Workspace) -> None:
    first = register(workspace, nonce=NONCE)
    pending_cursor.advance_on_connect([first.device.id], registering=[first.device.id])
    assert register(workspace, nonce=NONCE).device.id == first.device.id
    pending_cursor.advance_on_connect([first.device.id])
    assert register(workspace, nonce=NONCE).device.id != first.device.id


@pytest.mark.django_db
@pytest.mark.parametrize(
    "proof", [{}, {"secret": "guessed"}, {"nonce": NONCE[::-1]}, {"secret": "guessed", "nonce": NONCE[::-1]}]
)
def test_a_client_that_only_knows_the_id_gets_a_new_device(workspace: Workspace, proof: dict[str, Any]) -> None:
    owner = register(workspace, nonce=NONCE)
    stranger = register(workspace, **proof)
    assert stranger.is_new
    assert stranger.device.id != owner.device.id
    assert accepts(owner, owner.secret)
    # And whatever strangers register under the ID, the owner still gets its own.
    assert register(workspace, secret=owner.secret).device.id == owner.device.id
    assert register(workspace, nonce=NONCE).device.id == owner.device.id


@pytest.mark.django_db
@pytest.mark.parametrize("without", ["", "none"])
def test_a_device_without_a_secret_or_a_nonce_is_given_to_nobody(workspace: Workspace, without: str) -> None:
    first = register(workspace)
    Device.objects.update(secret_hash="")
    assert register(workspace, secret=without).device.id != first.device.id


@pytest.mark.django_db
def test_the_secret_gives_nothing_under_another_id_workspace_or_platform(workspace: Workspace) -> None:
    first = register(workspace)
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    asking = [
        Registration(other, DeviceInfo(), Installation(PHONE, secret=first.secret)),
        Registration(workspace, DeviceInfo(), Installation("another-phone", secret=first.secret)),
        Registration(workspace, DeviceInfo(platform=Platform.IOS), Installation(PHONE, secret=first.secret)),
        Registration(workspace, DeviceInfo()),
    ]
    assert all(one.is_new for one in installations.register(asking))


@pytest.mark.django_db
def test_registrations_without_a_nonce_are_each_a_device_of_their_own(workspace: Workspace) -> None:
    asking = [Registration(workspace, DeviceInfo()), Registration(workspace, DeviceInfo(), Installation(PHONE))] * 2
    assert len({one.device.id for one in installations.register(asking)}) == 4


@pytest.mark.django_db
def test_a_device_that_is_given_back_takes_its_vendor_token_from_others(workspace: Workspace) -> None:
    first = register(workspace)
    [(other, _)] = registry.register([(workspace, DeviceInfo(third_channel=4, third_token="mi"))])
    again = register(workspace, DeviceInfo(third_channel=4, third_token="mi"), secret=first.secret)
    assert again.device.third_channel == 4
    assert Device.objects.get(third_token="mi").pk == first.device.id
    assert TokenLoss.objects.get().device_id == other.id


@pytest.mark.django_db
def test_many_registrations_cost_a_fixed_number_of_queries(
    workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    def fleet(secrets: list[str]) -> list[Registration]:
        return [
            Registration(
                workspace, DeviceInfo(), Installation(f"{PHONE}-{number}", nonce=f"{NONCE}-{number}", secret=secret)
            )
            for number, secret in enumerate(secrets)
        ]

    with django_assert_max_num_queries(12):
        first = installations.register(fleet([""] * 50))
    with django_assert_max_num_queries(12):
        again = installations.register(fleet([one.secret for one in first]) + fleet([""] * 50)[:25])
    assert [one.device.id for one in again] == [one.device.id for one in (*first, *first[:25])]


@pytest.mark.django_db(transaction=True)
def test_registrations_with_one_nonce_at_the_same_time_make_one_device(workspace: Workspace) -> None:
    one = Registration(workspace, DeviceInfo(), Installation(PHONE, nonce=NONCE))
    answers = [answer for both in at_once(6, lambda _: installations.register([one, one])) for answer in both]
    assert len(answers) == 12
    assert {one.device.id for one in answers} == {Device.objects.get().pk}
    assert sum(accepts(one, one.secret) for one in answers) == 2  # those of the last


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"installationId": "short"}, "installationId"),
        ({"installationId": "x" * 65}, "installationId"),
        ({"installationId": "with blanks in it"}, "installationId"),
        ({"installationId": ["x"]}, "installationId"),
        ({"installationId": PHONE, "registrationNonce": "123456"}, "registrationNonce"),
        ({"installationId": PHONE, "deviceSecret": "x" * 129}, "deviceSecret"),
        ({"registrationNonce": NONCE}, "installationId"),
        ({"deviceSecret": "x"}, "installationId"),
    ],
)
def test_an_invalid_installation_is_refused_by_name(given: dict[str, object], field: str) -> None:
    with pytest.raises(ResultError, match=field) as refused:
        Installation.from_mapping(given)
    assert refused.value.result == ResultCode.INVALID_PARAM
