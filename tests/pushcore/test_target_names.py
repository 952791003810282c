"""Users and devices are found by the names they were bound or registered with, however spelled."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import server_requests
from pushcore.devices.registry import KnownDevice
from pushcore.devices.target_names import clean_target, spellings
from pushcore.file_push.records import Lines, Reader
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import pushes
from pushcore.push.requests import MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft, create
from pushcore.revocation import revocations
from tests.pushcore.conftest import RecordingLane

HEX = "0a" * 32
SPELLINGS = [f" {HEX} ", HEX.upper(), f"<{HEX}>", " ".join(HEX[start : start + 8] for start in range(0, 64, 8))]


@pytest.mark.django_db
@pytest.mark.parametrize("pushed_to", ["ann", " ann", "ann\t"])
def test_a_user_bound_with_blanks_around_gets_pushes_however_the_blanks_stand(
    workspace: Workspace, known: KnownDevice, lane: RecordingLane, send: Any, pushed_to: str
) -> None:
    server_requests.bind(workspace, " ann ", known.ad_token, 1)
    send({pushed_to: "k1"})
    assert [one.device_id for one in lane.got] == [known.id]
    assert Message.objects.get().target == "ann"
    assert revocations.revoke_message(workspace, "k1", pushed_to) == 1


@pytest.mark.django_db
def test_a_user_bound_later_gets_messages_pushed_to_another_spelling(
    workspace: Workspace, known: KnownDevice, lane: RecordingLane, send: Any
) -> None:
    send({"ann ": "k1"})
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    assert [one.device_id for one in lane.got] == [known.id]


@pytest.mark.django_db
def test_a_user_id_too_long_to_be_bound_cannot_be_pushed_to(
    workspace: Workspace, known: KnownDevice, lane: RecordingLane, send: Any
) -> None:
    server_requests.bind(workspace, "u" * 256, known.ad_token, 1)
    send({"u" * 256: "k1"})
    assert len(lane.got) == 1
    with pytest.raises(ResultError) as refused:
        send({"u" * 257: "k2"})
    assert refused.value.result == ResultCode.INVALID_PARAM
    # Devices' names are longer.
    send({"u" * 512: "k3"}, delivery_type=1)


@pytest.mark.django_db
def test_a_target_named_in_two_spellings_is_refused(workspace: Workspace, lane: RecordingLane, send: Any) -> None:
    with pytest.raises(ResultError) as refused:
        send({"ann": "k1", " ann": "k2"})
    assert refused.value.result == ResultCode.INVALID_PARAM


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_ios_device_is_found_by_any_spelling_of_its_token(
    workspace: Workspace, lane: RecordingLane, send: Any, spelling: str
) -> None:
    server_requests.bind(workspace, "ann", HEX, 2)
    send({spelling: "k1"}, delivery_type=2)
    assert [one.third_token for one in lane.got] == [HEX]
    assert revocations.revoke_message(workspace, "k1", spelling) == 1


@pytest.mark.django_db
def test_targets_of_a_multiple_push_are_normalized_too(
    workspace: Workspace, known: KnownDevice, lane: RecordingLane
) -> None:
    create(workspace, TemplateDraft(name="t", description="d", title="T", body="B"))
    server_requests.bind(workspace, "ann", known.ad_token, 1)
    request = MultiplePush(
        delivery_type=3, expired_seconds=60, template_name="t", target_msg=[TargetMessage(target=" ann ", msgkey="k1")]
    )
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    assert [one.target for one in lane.got] == ["ann"]


@pytest.mark.parametrize(
    ("kind", "line", "target"),
    [(DeliveryType.USER, " ann ,k1", "ann"), (DeliveryType.IOS, f"<{HEX.upper()}>,k1", HEX)],
)
def test_targets_of_a_file_are_normalized_too(kind: DeliveryType, line: str, target: str) -> None:
    reader = Reader(1, {"title": "", "content": "", "url": ""}, kind)
    [record] = reader.read(Lines(1, 2, 1, line.encode())).records
    assert record.target == target


def test_a_user_id_too_long_is_a_fault_of_its_line() -> None:
    reader = Reader(1, {"title": "", "content": "", "url": ""}, DeliveryType.USER)
    block = reader.read(Lines(1, 2, 1, b"u" * 240 + b",k1\n" + b" " * 9 + b",k2"))
    assert ([record.line for record in block.records], [fault.line for fault in block.faults]) == ([1], [2])


def test_names_that_are_no_hexadecimal_number_keep_their_case() -> None:
    assert clean_target(DeliveryType.IOS, "Order-17") == "Order-17"
    assert clean_target(DeliveryType.ACTIVITY, HEX.upper()) == HEX.upper()
    assert clean_target(DeliveryType.USER, HEX.upper()) == HEX.upper()
    assert spellings(" AB ") == ["AB", "ab"]
