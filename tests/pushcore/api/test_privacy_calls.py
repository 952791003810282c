"""Export and erasure of a user over both APIs."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.audience import aliases
from pushcore.models import Erasure, Workspace
from pushcore.privacy import export
from tests.pushcore.api.callers import REST_PATHS, Rest, Rpc2020
from tests.pushcore.api.samples import SCOPE

pytestmark = pytest.mark.django_db


def call(rest: Rest, action: str, **values: Any) -> Any:
    """Call the REST API; return the answer's data."""
    answer = rest.call(REST_PATHS[action], SCOPE | values)
    assert answer["code"] == "100", answer
    return answer["data"]


def test_what_is_kept_of_a_user_is_exported_in_pages_and_erased(
    rest: Rest, rpc2020: Rpc2020, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    aliases.change(workspace, {"ann@example.com": "ann"})
    call(rest, "PushUpdateAttributes", targetType=2, targets=["ann"], attributes={"age": 30})
    for number in range(3):
        push = {"deliveryType": 3, "expiredSeconds": 600, "title": "T", "content": "C", "taskName": "t"}
        call(rest, "PushSimple", **push, targetMsgkey={"ann": f"k{number}"})
    first = call(rest, "PushExportUser", userId="ann")
    assert (first["aliases"], first["attributes"]) == (
        ["ann@example.com"],
        [{"name": "age", "type": "number", "value": 30}],
    )
    second = call(rest, "PushExportUser", userId="ann", nextToken=first["nextToken"])
    assert [one["msgkey"] for one in (*first["messages"], *second["messages"])] == ["k2", "k1", "k0"]
    assert (second["nextToken"], "aliases" in second) == ("", False)
    assert {"name": "title", "value": "T"} in first["messages"][0]["content"]
    rpc2020.answer("PushEraseUser", SCOPE | {"userId": "ann"})
    again = call(rest, "PushExportUser", userId="ann")
    assert (again["aliases"], again["attributes"], again["messages"]) == ([], [], [])
    assert Erasure.objects.get().messages == 3


@pytest.mark.parametrize("token", ["x", "-1", "1" * 20, "\u0661"])
def test_a_token_that_was_never_answered_is_refused(rest: Rest, token: str) -> None:
    answer = rest.call(REST_PATHS["PushExportUser"], SCOPE | {"userId": "ann", "nextToken": token})
    assert answer["code"] == "3028"
