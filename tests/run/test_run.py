"""`make run` as a newcomer meets it: one command, everything up; one Ctrl-C, everything gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from mps_project.launcher import engines, installation
from tests.e2e import backends
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of the test's own, which it may stop."""
    with Stack(tmp_path / "var") as running:
        yield running


def family(stack: Stack) -> list[psutil.Process]:
    """Every process the stack has started, grandchildren included."""
    assert stack.process is not None
    return psutil.Process(stack.process.pid).children(recursive=True)


def names_of(processes: list[psutil.Process]) -> set[str]:
    """Their names; some of PostgreSQL's own live for a moment only."""
    names = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            names.add(process.name())
    return names


def test_ctrl_c_leaves_no_process_and_a_second_run_keeps_everything(own_stack: Stack) -> None:
    started = family(own_stack)
    demo = own_stack.demo
    device = PahoDevice(demo).connect()
    device.disconnect()
    backends.push_2019(demo, device.ad_token, "kept", DeliveryType=1)
    assert {"postgres", "valkey-server"} <= names_of(started)
    assert own_stack.stop(signal.SIGINT) == 0
    gone, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    assert len(gone) == len(started) > 8
    assert not (own_stack.data_dir / "processes.json").exists()
    own_stack.start()
    assert own_stack.demo == demo
    again = PahoDevice(demo, known=device).connect()
    again.wait_for_key("kept")
    again.disconnect()


def test_a_supervisor_that_is_killed_takes_its_processes_along(own_stack: Stack) -> None:
    assert own_stack.process is not None
    started = family(own_stack)
    own_stack.process.kill()
    own_stack.process.wait()
    _, alive = psutil.wait_procs(started, timeout=15)
    assert alive == []
    own_stack.start()  # nothing left behind is in the way


def test_make_alone_told_to_stop_stops_everything(tmp_path: Path) -> None:
    """Not Ctrl-C, which a terminal sends to make and its recipe: a script's SIGINT to make."""
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} -m mps_project.run\n")
    running = Stack(tmp_path / "var").launch(["make", "-f", str(tmp_path / "Makefile"), "run"])
    running.wait_until_ready()
    started = family(running)
    running.stop(signal.SIGINT)
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    assert "stopped" in running.output


def test_awkward_surroundings_are_no_obstacle(tmp_path: Path) -> None:
    """A data directory with characters that mean something elsewhere, a proxy, a restricted Host, nobody reading."""
    reading, writing = os.pipe()
    os.close(reading)
    awkward = Stack(
        tmp_path / 'my data, "naïve" $HOME',
        http_proxy="http://127.0.0.1:9",
        MPS_ALLOWED_HOSTS="push.example.com",
        MPS_SECRET_KEY="",
    ).launch(stdout=writing)
    os.close(writing)
    awkward.wait_until_ready()
    assert awkward.stop(signal.SIGTERM) == 0
    assert awkward.output == ""


def test_a_second_instance_on_the_same_directory_says_so(stack: Stack) -> None:
    second = Stack(stack.data_dir)
    assert second.launch().process is not None
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert stack.process is not None
    assert second.output.strip() == (
        f"mps: another instance is running on {stack.data_dir} (process {stack.process.pid})"
    )


@pytest.mark.parametrize("variable", ["MPS_HTTP_PORT", "MPS_WS_PORT", "MPS_MQTT_PORT"])
def test_a_taken_port_is_named(tmp_path: Path, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Stack(tmp_path, **{variable: str(port)}).launch()
        assert refused.process is not None
        assert refused.process.wait(30) == 1
    assert refused.output.startswith(f"mps: {variable}={port}: the port is taken on 127.0.0.1")
    assert len(refused.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["web", "gateway", "sink", "receipts", "worker", "files", "beat", "valkey", "postgresql"]
)
def test_a_process_that_dies_is_started_again(stack: Stack, name: str) -> None:
    killed = stack.kill(name)
    deadline = time.monotonic() + 60
    while stack.pids.get(name) in (killed, None) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stack.pids[name] != killed
    stack.wait_until_ready()


def test_what_is_private_is_readable_by_its_owner_alone(stack: Stack) -> None:
    for name in ("demo.json", "secrets.json", "valkey/valkey.conf"):
        assert stat.S_IMODE((stack.data_dir / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((stack.data_dir / "postgres").stat().st_mode) == 0o700


def test_the_demo_file_has_what_a_newcomer_needs(stack: Stack) -> None:
    assert set(stack.demo) == {
        "app_id", "workspace_id", "access_key_id", "access_key_secret", "rsa_private_key_pem", "client_key", "http_url",
        "mqtt_url", "ws_url", "console_url", "username", "password",
    }  # fmt: skip
    assert (stack.demo["app_id"], stack.demo["workspace_id"]) == ("ONEX570DA89211721", "test")


def test_no_secret_is_ever_printed(stack: Stack) -> None:
    backends.push_2019(stack.demo, "nobody", f"{time.time()}")
    requests.post(f"{stack.url}/?Action=PushSimple&Version=2019-08-21&AccessKeyId=x&Signature=y", timeout=10)
    secrets = json.loads((stack.data_dir / "secrets.json").read_text()) | {
        name: stack.demo[name] for name in ("access_key_secret", "password", "rsa_private_key_pem", "client_key")
    }
    printed = stack.output
    assert "ready in" in printed
    assert [name for name, secret in secrets.items() if secret in printed] == []


def test_liveness_readiness_and_metrics_answer(stack: Stack) -> None:
    assert requests.get(f"{stack.url}/healthz", timeout=10).text == "ok\n"
    # A worker whose broker was killed by a test before may still be on its way back to it.
    assert stack.wait_until_ready() == {"ready": True, "missing": []}
    backends.push_2019(stack.demo, "nobody", f"{time.time()}")
    metrics = requests.get(f"{stack.url}/metrics", timeout=10).text
    for line in (
        "mps_http_requests_total{",
        "mps_gateway_connections{",
        'mps_partition_days_ahead{table="pushcore_message"} 7.0',
    ):
        assert line in metrics


def test_the_embedded_engines_let_nobody_in_without_a_password(stack: Stack) -> None:
    import psycopg2
    import redis

    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host=str(stack.data_dir / "postgres"), user="postgres", dbname="mps")
    port = stack.env()["REDIS_URL"].rpartition(":")[2].partition("/")[0]
    client = redis.Redis(port=int(port))
    with pytest.raises(redis.AuthenticationError):
        client.ping()
    client.close()


def test_lost_secrets_are_not_made_anew_beside_data_that_needs_them(tmp_path: Path) -> None:
    made = installation.generated_secrets(tmp_path)
    (tmp_path / "postgres").mkdir()
    assert installation.generated_secrets(tmp_path) == made
    (tmp_path / "secrets.json").unlink()
    with pytest.raises(installation.InstallationError, match=r"secrets.json is missing and .* cannot be read"):
        installation.generated_secrets(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "demo.json").write_text(content)
    with pytest.raises(installation.InstallationError, match=r"demo.json is damaged"):
        installation.read_json(tmp_path / "demo.json")


def test_a_data_directory_with_a_long_path_works(tmp_path: Path) -> None:
    directory = tmp_path / ("deep" * 20) / ("deeper" * 10)
    directory.mkdir(parents=True)
    engine = engines.postgres(directory / "postgres", "secret")
    process = engine.launch()
    assert engine.temporary is not None
    engine.stop(process)
    assert not engine.temporary.exists()


def test_an_engine_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    engine = engines.valkey(tmp_path / "valkey", "secret", 1)
    (tmp_path / "valkey" / "valkey.conf").unlink()
    with pytest.raises(engines.EngineError, match=r"Valkey ended at start with code \d+; see .*valkey.log"):
        engine.launch()


def test_a_private_file_is_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    path.chmod(0o644)
    os.umask(0o022)
    installation.write_private_json(path, {"a": "b"})
    assert installation.read_json(path) == {"a": "b"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_make_run_and_make_test_are_the_readmes_two_commands() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    readme, makefile = (root / "README.md").read_text(), (root / "Makefile").read_text()
    for target in ("run", "test"):
        assert f"make {target} " in readme
        assert f"\n{target}: " in makefile
    ci = (root / ".ci" / "run").read_text()
    assert "make lint" in ci
    assert "make test" in ci
