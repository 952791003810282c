"""The command line `mps` against the started service: what it sends arrives, and a refusal has its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mps_cli.main import main
from tests.e2e.backends import ReceiptServer
from tests.support.devices import PahoDevice
from tests.support.serving import serving
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.xdist_group("stack")
Run = Callable[..., Any]


@pytest.fixture
def mps(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command and returns what it wrote, JSON as its value."""
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps(stack.demo))
    monkeypatch.setenv("MPS_CREDENTIALS", str(credentials))

    def run(*arguments: str, code: int = 0) -> Any:
        returned = main(arguments)
        written = capsys.readouterr()
        assert returned == code, written
        text = written.err if code else written.out
        try:
            return json.loads(text)
        except ValueError:
            return text

    return run


@pytest.fixture
def device(new_device: Callable[..., PahoDevice]) -> PahoDevice:
    """Return a connected device of the user that `user_of` names."""
    connected = new_device()
    answer = connected.request("mps/bind", {"userId": user_of(connected)})
    assert answer["code"] == "100"
    return connected


def user_of(device: PahoDevice) -> str:
    return f"user-{device.ad_token[:12]}"


def test_a_simple_push_arrives_and_its_task_is_followed_to_the_end(mps: Run, device: PahoDevice) -> None:
    task = mps(
        "push", "simple", "--to", user_of(device), "--title", "Hello", "--content", "from the shell",
        "--msgkey", "shell-1", "--param", "order=42", "--valid", "10m",
    )  # fmt: skip
    content = device.wait_for_key("shell-1")
    assert (content["title"], content["content"], content["params"]) == ("Hello", "from the shell", {"order": "42"})
    lines = mps("task", "tail", str(task), "--at-most", "60s").splitlines()
    assert lines[-1] == "pushed 1  accepted 1  arrived 1  expired 0"
    assert mps("task", "show", str(task))["TaskId"] == task


def test_a_template_is_made_pushed_and_deleted(mps: Run, device: PahoDevice, tmp_path: Path) -> None:
    name = f"shell_{device.ad_token[:8]}"
    mps("template", "create", name, "--title", "Hello #name#", "--content", "Body")
    assert mps("template", "show", name)["Name"] == name
    assert name in json.dumps(mps("template", "list"))
    mps("push", "template", "--template", name, "--value", "name=Ann", "--to", user_of(device), "--msgkey", "shell-2")
    assert device.wait_for_key("shell-2")["title"] == "Hello Ann"
    targets = tmp_path / "targets.csv"
    targets.write_text(f"{user_of(device)},shell-3,name=Bob\nno record\n")
    assert mps("push", "file", str(targets), "--template", name, "--dry-run")["faults"] == 1
    mps("push", "file", str(targets), "--template", name)
    assert device.wait_for_key("shell-3")["title"] == "Hello Bob"
    mps("template", "delete", name)
    assert mps("template", "show", name, code=1).startswith("mps: ")


def test_a_dry_run_shows_the_body_and_sends_nothing(mps: Run, device: PahoDevice) -> None:
    push = ("push", "simple", "--to", user_of(device), "--title", "Dry", "--content", "run", "--msgkey", "shell-dry")
    found = mps(*push, "--dry-run")
    assert (found["dryRun"], found["devices"]) == (True, 1)
    assert json.loads(found["channels"][0]["bodies"][0]["body"])["bData"]["title"] == "Dry"
    later = (datetime.now().astimezone() + timedelta(hours=2)).isoformat(timespec="seconds")
    assert len(mps(*push, "--at", later, "--dry-run")["sendTimes"]) == 1
    assert list(filter("shell-dry".__eq__, device.keys())) == []
    mps(*push)
    device.wait_for_key("shell-dry")


def test_tags_choose_devices(mps: Run, device: PahoDevice) -> None:
    tag = f"shell:{device.ad_token[:8]}"
    mps("audience", "tag", user_of(device), "--add", tag)
    assert tag in json.dumps(mps("audience", "names"))
    assert tag in json.dumps(mps("audience", "show", user_of(device)))
    assert mps("audience", "count", json.dumps({"tag": tag})) == {"Devices": 1}
    assert mps("audience", "count", f"'{tag}' in tags && !('{tag}' in topics)", code=1).startswith("mps: 3102")
    hello = ("--title", "Hello", "--content", "tagged")
    mps("push", "audience", "--condition", json.dumps({"tag": tag}), *hello, "--msgkey", "shell-audience")
    assert device.wait_for_key("shell-audience")["content"] == "tagged"
    mps("segment", "create", tag, json.dumps({"platform": "web"}), "--description", "of the shell")
    mps("segment", "change", tag, f"'{tag}' in tags")
    assert tag in json.dumps(mps("segment", "list"))
    assert mps("push", "audience", "--segment", tag, *hello, "--dry-run")["devices"] == 1
    mps("push", "audience", "--segment", tag, *hello, "--msgkey", "shell-segment")
    device.wait_for_key("shell-segment")
    slowly = mps("push", "audience", "--segment", tag, *hello, "--pace", "5", "--local-time", "09:00", "--dry-run")
    assert slowly["paceSeconds"] == 1
    assert mps("push", "audience", "--segment", tag, *hello, "--over", "2h", "--dry-run")["paceSeconds"] == 7200
    said = mps("push", "audience", "--segment", tag, *hello, "--local-time", "9", code=1)
    assert "localTime is a time such as 09:00" in said
    mps("segment", "delete", tag)
    mps("audience", "tag", user_of(device), "--remove", tag)
    assert mps("audience", "count", json.dumps({"tag": tag})) == {"Devices": 0}


def test_a_push_goes_on_when_its_backend_says_so_and_at_the_best_time(mps: Run, device: PahoDevice) -> None:
    tag = f"paced-{device.ad_token[:8]}"
    mps("audience", "tag", user_of(device), "--add", tag)
    mps("segment", "create", tag, f"'{tag}' in tags")
    push = ("push", "audience", "--segment", tag, "--title", "Hello", "--content", "paced")
    with serving(ReceiptServer()) as backend:
        backend.busy = 1
        task = mps(*push, "--pace-url", backend.url, "--over", "1h", "--msgkey", "shell-pace")
        assert device.wait_for_key("shell-pace")["content"] == "paced"
        held, going = (json.loads(body) for _, body in backend.receipts)
    assert (held["taskId"], held["heldSince"], held["made"]) == (str(task), None, 0)
    assert going["heldSince"] >= held["time"]
    assert "paceUrl" in mps(*push, "--pace-url", "ftp://shop.example", code=1)
    # Nobody has opened anything, so it is at once.
    mps(*push, "--best-time", "12", "--msgkey", "shell-best")
    device.wait_for_key("shell-best")


def test_a_device_is_found_and_any_action_can_be_called(mps: Run, device: PahoDevice) -> None:
    assert mps("device", "state", user_of(device))["Statue"] == "ONLINE"
    state = mps("api", "PushQueryDeviceState", f"target={user_of(device)}", "targetType=2")
    assert state == mps("device", "state", user_of(device))


def test_a_refusal_says_its_code_and_nothing_secret(mps: Run, stack: Stack, tmp_path: Path) -> None:
    said = mps("push", "simple", "--to", "ann", "--title", "x" * 201, "--content", "c", code=1)
    assert said.startswith("mps: 3")
    said = mps("push", "simple", "--to", "ann", "--title", "x", "--content", "c", "--category", "unknown", code=1)
    assert "3121" in said
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(stack.demo | {"access_key_secret": "another secret"}))
    said = mps("audience", "names", "--credentials", str(wrong), code=1)
    assert "SignatureDoesNotMatch" in said
    assert "another secret" not in said


def test_what_cannot_work_has_its_own_exit_code(mps: Run, stack: Stack, tmp_path: Path) -> None:
    assert "lacks app_id" in mps("audience", "names", "--credentials", written(tmp_path, {"http_url": "x"}), code=2)
    assert "nowhere.json" in mps("audience", "names", "--credentials", str(tmp_path / "nowhere.json"), code=2)
    away = written(tmp_path, stack.demo | {"http_url": "http://127.0.0.1:9"})
    assert "ConnectionError" in mps("audience", "names", "--credentials", away, code=3)
    with pytest.raises(SystemExit) as usage:
        main(["push", "simple", "--valid", "soon"])
    assert usage.value.code == 2


def written(folder: Path, values: dict[str, str]) -> str:
    path = folder / "given.json"
    path.write_text(json.dumps(values))
    return str(path)


def test_the_installed_command_needs_no_settings_of_the_service(stack: Stack, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mps_project", "audience", "names", "--credentials", written(tmp_path, stack.demo)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Tags" in json.loads(done.stdout)
