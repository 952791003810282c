"""Parameters that the packages flattened are folded into lists and maps."""

from __future__ import annotations

import pytest

from pushcore.api.rpc.flattening import unflatten
from tests.pushcore.api.callers import Rpc2020, answer_of

pytestmark = pytest.mark.django_db


def test_flattened_lists_are_folded_within_bounds() -> None:
    flat = {
        "T.2.B": "4",
        "T.1.A": "1",
        "T.1.B": "2",
        "N.1": "x",
        "N.3": "y",
        "X.99999999.A": "no",
        "Y.0": "no",
        "P": "p",
    }
    assert unflatten(flat) == {
        "T": [{"A": "1", "B": "2"}, {"B": "4"}],
        "N": ["x", "y"],
        "X.99999999.A": "no",
        "Y.0": "no",
        "P": "p",
    }


def test_flattened_maps_are_folded_and_their_values_typed() -> None:
    flat = {
        "ActivityContentState.progress": "0.5",
        "ActivityContentState.done": "True",
        "ActivityContentState.driver.name": "王",
        "ActivityContentState.stops.1": "1",
        "ActivityContentState.stops.2": "2",
        "ActivityContentState.order": "0042",
        "ActivityContentState.card": "62220212345678901234",
        "TargetMsgkey.ann.lee@x.example": "7",
        "TargetMsg.1.ExtendedParams.a.b": "1",
        "TargetMsg.1.Target": "ann",
        "TaskName.x": "ignored",
    }
    maps = {"activityContentState": True, "targetMsgkey": False}
    assert unflatten(flat, maps) == {
        "ActivityContentState": {
            "progress": 0.5, "done": True, "driver": {"name": "王"}, "stops": [1, 2], "order": "0042",
            "card": "62220212345678901234",
        },
        "TargetMsgkey": {"ann.lee@x.example": "7"},
        "TargetMsg": [{"ExtendedParams": {"a.b": "1"}, "Target": "ann"}],
        "TaskName.x": "ignored",
    }  # fmt: skip
    # The map itself, as JSON text, goes before what is flattened.
    assert unflatten({"A.b": "1", "A": "{}"}, {"a": True}) == {"A": "{}"}


def test_a_name_of_very_many_parts_is_refused_as_nested_too_deep(rpc2020: Rpc2020, form: dict[str, str]) -> None:
    deep = {"ActivityContentState" + ".a" * 50_000: "1"}
    found = answer_of(rpc2020.call("PushSimple", form | deep))
    assert found["ResultCode"] == "3028"
