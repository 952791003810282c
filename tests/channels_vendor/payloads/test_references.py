"""References: the notification id and the id in reports, by message or by task."""

from __future__ import annotations

from typing import Any

import pytest

from channels_vendor.base.references import Reference
from channels_vendor.harmonyos import payload as harmonyos
from channels_vendor.honor import payload as honor
from channels_vendor.huawei import payload as huawei
from channels_vendor.xiaomi import payload as xiaomi
from tests.channels_vendor.conftest import notification
from tests.channels_vendor.payloads.bodies import ACCOUNT, oppo_message, vivo_message


def test_a_repeated_message_replaces_the_first_on_the_screen() -> None:
    assert Reference(456359976598785573).notify_id == Reference(456359976598785573).notify_id
    assert len({Reference(number).notify_id for number in range(2**40, 2**40 + 1000)}) == 1000
    assert all(0 < Reference(number).notify_id < 2**31 for number in range(1000))


REFERENCES: dict[str, Any] = {
    "huawei": lambda message_id: _found(huawei.body_of(notification(), message_id, "k"), "notify_id", "bi_tag"),
    "honor": lambda message_id: _found(honor.body_of(notification(), message_id, "k"), "notifyId", "biTag"),
    "harmonyos": lambda message_id: _found(harmonyos.body_of(notification(), "", message_id, "k"), "notifyId", "biTag"),
    "xiaomi": lambda message_id: _found(
        xiaomi.fields_of(notification(), ACCOUNT, message_id, "k"), "notify_id", "extra.callback.param"
    ),
}


def _found(body: Any, *names: str) -> list[str]:
    """Return the values under these names at any depth."""
    if not isinstance(body, dict):
        return []
    here = [str(body[name]) for name in names if name in body]
    return here + [value for part in body.values() for value in _found(part, *names)]


@pytest.mark.parametrize("vendor", REFERENCES)
def test_a_call_for_one_message_carries_its_id_and_a_call_for_several_the_task_id(vendor: str) -> None:
    alone, other, shared = (REFERENCES[vendor](message_id) for message_id in ("1001", "1002", ""))
    assert sorted(alone) == sorted(["m1001", str(Reference(1001).notify_id)])
    assert not set(alone) & set(other)
    assert sorted(shared) == sorted(["t7", str(Reference(task_id=7).notify_id)])


def test_oppo_and_vivo_get_the_message_id_for_each_target() -> None:
    for message in (oppo_message(), vivo_message()):
        own = [*_found(message, "notify_id", "notifyId"), *_found(message, "call_back_parameter", "callback.param")]
        assert own == [str(Reference(1001).notify_id), "m1001"]
