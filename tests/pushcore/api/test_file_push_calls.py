"""File push on the REST API: path and hash are signed, the file is streamed, its faults are reported."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from pushcore.loading import load, wake
from pushcore.models import FileImport, Message, PushTask, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.pushcore.api.callers import Rest

FILE = b"ann,k1,name=Ann\nbob\ncarl,k2,name=Carl\n"
PATH = "/api/v1/push/multiple/file"


@pytest.fixture(autouse=True)
def _prepared(transactional_db: None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))


def query(data: bytes, **changes: str) -> dict[str, str]:
    return {
        "appId": "ONEX570DA89211721", "workspaceId": "test", "templateName": "hello", "deliveryType": "3",
        "expiredSeconds": "300", "extendedParams": '{"a": "b"}', "sha256": hashlib.sha256(data).hexdigest(),
    } | changes  # fmt: skip


def signed(rest: Rest, path: str, parameters: dict[str, str]) -> str:
    target = f"{path}?{urlencode(parameters)}"
    return f"{target}&{urlencode({'sign': rest.sign(target.encode()), 'signType': 'RSA'})}"


def send(rest: Rest, data: bytes, **changes: str) -> dict[str, Any]:
    answer = rest.client.post(signed(rest, PATH, query(data, **changes)), data, content_type="text/csv")
    return json.loads(answer.content)


def test_a_file_is_accepted_and_loaded_and_its_faults_are_reported(rest: Rest) -> None:
    answer = send(rest, FILE)
    assert answer["code"] == "100"
    assert send(rest, FILE)["data"] == answer["data"]
    task = PushTask.objects.get(pk=answer["data"])
    assert (task.kind, task.source, task.content["params"]) == ("multiple", "rest", {"a": "b"})
    load.load_all()
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
    report = rest.client.get(signed(rest, f"{PATH}/{task.pk}", scope)).json()["data"]
    assert report == {
        "taskId": str(task.pk), "finished": True, "size": len(FILE), "read": len(FILE), "lines": 3,
        "accepted": 2, "rejected": 1,
        "faults": [{"line": 2, "reason": "target and msgkey are expected, separated by a comma", "record": "bob"}],
    }  # fmt: skip
    assert set(Message.objects.values_list("target", flat=True)) == {"ann", "carl"}
    assert (
        rest.client.get(signed(rest, f"{PATH}/{task.pk}", scope | {"pageNumber": "2"})).json()["data"]["faults"] == []
    )
    for path, changes in ((f"{PATH}/1", {}), (f"{PATH}/x", {}), (f"{PATH}/{task.pk}", {"pageNumber": "0"})):
        assert rest.client.get(signed(rest, path, scope | changes)).json()["code"] == "3028"


def test_another_workspaces_file_is_unknown(rest: Rest, workspace: Workspace) -> None:
    other = Workspace.objects.create(app=workspace.app, workspace_id="other")
    task = PushTask.objects.get(pk=send(rest, FILE)["data"])
    FileImport.objects.update(workspace=other)
    scope = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
    assert rest.client.get(signed(rest, f"{PATH}/{task.pk}", scope)).json()["code"] == "3028"


@pytest.mark.parametrize(
    ("data", "changes", "code"),
    [
        (b"", {}, "3002"),
        (FILE, {"strategyType": "1", "strategyContent": '{"fixedTime": 1}'}, "3028"),
        (FILE, {"extendedParam": "{}"}, "3028"),
        (b"ann,k1,name=\xff", {}, "3031"),
        (FILE, {"sha256": "0" * 64}, "-1"),
        (FILE, {"templateName": ""}, "3025"),
        (FILE, {"templateName": "other"}, "3022"),
        (FILE, {"deliveryType": "x"}, "3009"),
        (FILE, {"appId": "other"}, "3007"),
        (FILE, {"workspaceId": ""}, "3003"),
        (FILE, {"extendedParams": "["}, "3044"),
    ],
)
def test_a_refused_file_has_its_code_and_leaves_nothing(
    rest: Rest, data: bytes, changes: dict[str, str], code: str
) -> None:
    assert send(rest, data, **changes)["code"] == code
    assert not FileImport.objects.exists()


def test_another_file_than_the_signed_one_is_refused(rest: Rest) -> None:
    answer = rest.client.post(signed(rest, PATH, query(FILE)), FILE.replace(b"ann", b"eve"), content_type="text/csv")
    assert answer.json()["name"] == "SIGNATURE_MISMATCH"
    assert not FileImport.objects.exists()


def test_nothing_is_read_of_a_file_whose_sender_is_unknown(rest: Rest) -> None:
    url = signed(rest, PATH, query(FILE)).replace("deliveryType=3", "deliveryType=1")
    assert rest.client.post(url, FILE, content_type="text/csv").json()["code"] == "-1"


def test_a_file_that_says_it_is_too_large_is_refused_unread(rest: Rest, settings: Any) -> None:
    settings.MAX_FILE_BYTES = len(FILE)
    assert send(rest, FILE)["success"] is True
    settings.MAX_FILE_BYTES = len(FILE) - 1
    answer = rest.client.post(signed(rest, PATH, query(FILE)), FILE, content_type="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (413, "3050")


def test_replay_protection_holds_for_files_too(rest: Rest, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(replay_protection=True)
    assert send(rest, FILE)["code"] == "3028"
    now = str(int(timezone.now().timestamp() * 1000))
    assert send(rest, FILE, timestamp=now, nonce="n1")["success"] is True
    assert send(rest, FILE, timestamp=now, nonce="n1")["code"] == "3028"
