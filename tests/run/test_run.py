"""`make run` as a newcomer uses it: one command starts everything, Ctrl-C ends everything."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from mps_project.launcher import engines, installation
from tests.e2e import backends
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")


def family(stack: Stack) -> list[psutil.Process]:
    """Return every process the service has started, grandchildren included."""
    assert stack.process is not None
    return psutil.Process(stack.process.pid).children(recursive=True)


def names_of(processes: list[psutil.Process]) -> set[str]:
    """Return the names of those processes that still exist; some of PostgreSQL's live for a moment only."""
    names = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            names.add(process.name())
    return names


@pytest.fixture(scope="module")
def kept(own_stack: Stack) -> tuple[dict[str, str], PahoDevice]:
    """Return the demo of the first run, and a device that was away when "kept" was pushed to it."""
    if own_stack.process is None:
        own_stack.start()
    device = PahoDevice(own_stack.demo).connect()
    device.disconnect()
    backends.push_2019(own_stack.demo, device.ad_token, "kept", DeliveryType=1)
    return own_stack.demo, device


@pytest.mark.usefixtures("kept")
def test_ctrl_c_leaves_no_process(running: Stack) -> None:
    started = family(running)
    assert {"postgres", "valkey-server"} <= names_of(started)
    assert running.stop(signal.SIGINT) == 0
    gone, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    assert len(gone) == len(started) > 8
    assert not (running.data_dir / "processes.json").exists()


def test_a_second_run_keeps_everything_and_awkward_surroundings_are_no_obstacle(
    own_stack: Stack, kept: tuple[dict[str, str], PahoDevice]
) -> None:
    """A data directory with characters that mean something elsewhere, a proxy, a restricted Host, nobody reading."""
    own_stack.stop()
    demo, device = kept
    printed = len(own_stack.output)
    reading, writing = os.pipe()
    os.close(reading)
    own_stack.launch(stdout=writing, MPS_ALLOWED_HOSTS="push.example.com")
    os.close(writing)
    own_stack.wait_until_ready()
    assert own_stack.demo == demo
    again = PahoDevice(demo, known=device).connect()
    again.wait_for_key("kept")
    again.disconnect()
    assert own_stack.output[printed:] == ""


def test_a_supervisor_that_is_killed_takes_its_processes_along(running: Stack, tmp_path: Path) -> None:
    assert running.process is not None
    started = family(running)
    running.process.kill()
    running.process.wait()
    _, alive = psutil.wait_procs(started, timeout=15)
    assert alive == []
    start_by_make(running, tmp_path)  # nothing left behind is in the way


def start_by_make(stack: Stack, folder: Path) -> None:
    """Start the service from a Makefile."""
    (folder / "Makefile").write_text(f"run:\n\t@exec {sys.executable} -m mps_project.run\n")
    stack.launch(["make", "-f", str(folder / "Makefile"), "run"])
    stack.wait_until_ready()


def test_stopping_make_alone_stops_everything(running: Stack, tmp_path: Path) -> None:
    """A script sends SIGINT to make alone; Ctrl-C reaches its children too."""
    assert running.process is not None
    if psutil.Process(running.process.pid).name() != "make":
        running.stop()
        start_by_make(running, tmp_path)
    started, printed = family(running), len(running.output)
    running.stop(signal.SIGINT)
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    assert "stopped" in running.output[printed:]


def test_a_second_instance_on_the_same_directory_says_so(open_stack: Stack) -> None:
    second = Stack(open_stack.data_dir)
    assert second.launch().process is not None
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert open_stack.process is not None
    assert second.output.strip() == (
        f"mps: another instance is running on {open_stack.data_dir} (process {open_stack.process.pid})"
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
    "name", ["preloader", "web", "gateway", "sink", "receipts", "worker", "files", "beat", "valkey", "postgresql"]
)
def test_a_process_that_dies_is_restarted(open_stack: Stack, name: str) -> None:
    killed = open_stack.kill(name)
    deadline = time.monotonic() + 60
    while open_stack.pids.get(name) in (killed, None) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert open_stack.pids[name] != killed
    open_stack.wait_until_ready()


def test_private_files_are_readable_by_their_owner_alone(open_stack: Stack) -> None:
    for name in ("demo.json", "secrets.json", "valkey/valkey.conf"):
        assert stat.S_IMODE((open_stack.data_dir / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((open_stack.data_dir / "postgres").stat().st_mode) == 0o700


def test_the_demo_file_has_what_a_newcomer_needs(open_stack: Stack) -> None:
    assert set(open_stack.demo) == {
        "app_id", "workspace_id", "access_key_id", "access_key_secret", "rsa_private_key_pem", "client_key", "http_url",
        "mqtt_url", "ws_url", "console_url", "username", "password",
    }  # fmt: skip
    assert (open_stack.demo["app_id"], open_stack.demo["workspace_id"]) == ("ONEX570DA89211721", "test")


def test_no_secret_is_ever_printed(open_stack: Stack) -> None:
    backends.push_2019(open_stack.demo, "nobody", f"{time.time()}")
    requests.post(f"{open_stack.url}/?Action=PushSimple&Version=2019-08-21&AccessKeyId=x&Signature=y", timeout=10)
    secrets = json.loads((open_stack.data_dir / "secrets.json").read_text()) | {
        name: open_stack.demo[name] for name in ("access_key_secret", "password", "rsa_private_key_pem", "client_key")
    }
    printed = open_stack.output
    assert "ready in" in printed
    assert [name for name, secret in secrets.items() if secret in printed] == []


def test_liveness_readiness_and_metrics_answer(open_stack: Stack) -> None:
    assert requests.get(f"{open_stack.url}/healthz", timeout=10).text == "ok\n"
    # A worker whose broker was killed by a test before may still be on its way back to it.
    assert open_stack.wait_until_ready() == {"ready": True, "missing": []}
    backends.push_2019(open_stack.demo, "nobody", f"{time.time()}")
    metrics = requests.get(f"{open_stack.url}/metrics", timeout=10).text
    for line in (
        "mps_http_requests_total{",
        "mps_gateway_connections{",
        'mps_partition_days_ahead{table="pushcore_message"} 7.0',
    ):
        assert line in metrics


def test_the_embedded_engines_let_nobody_in_without_a_password(open_stack: Stack) -> None:
    import psycopg2
    import redis

    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host=str(open_stack.data_dir / "postgres"), user="postgres", dbname="mps")
    port = open_stack.env()["REDIS_URL"].rpartition(":")[2].partition("/")[0]
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
    process = engine.start_and_wait()
    assert engine.temporary is not None
    engine.stop(process)
    assert not engine.temporary.exists()


def test_an_engine_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    engine = engines.valkey(tmp_path / "valkey", "secret", 1)
    (tmp_path / "valkey" / "valkey.conf").unlink()
    with pytest.raises(engines.EngineError, match=r"Valkey ended at start with code \d+; see .*valkey.log"):
        engine.start_and_wait()


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
