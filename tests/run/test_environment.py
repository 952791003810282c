"""The environment: each variable documented, each fault one clear line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mps_project import environment

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDED = {
    "DATABASE_URL": "postgresql://user@localhost/mps",
    "REDIS_URL": "redis://localhost/0",
    "MPS_SECRET_KEY": "x",
    "MPS_FIELD_KEYS": Fernet.generate_key().decode(),
}


def test_the_readmes_table_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    expected = []
    for variable in environment.VARIABLES:
        default = "none" if variable.default is None else f"`{variable.default}`" if variable.default else "empty"
        expected.append((variable.name, default, variable.meaning))
    assert rows == expected


def test_defaults_are_values_that_can_be_used() -> None:
    loaded = environment.load(NEEDED)
    assert loaded.number("MPS_HTTP_PORT") == 8000
    assert loaded.text("MPS_BIND") == "127.0.0.1"
    assert loaded.switch("MPS_RECEIPT_ALLOW_PRIVATE") is False
    assert loaded.names("MPS_ALLOWED_HOSTS") == ["*"]


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(environment.ConfigurationError, match=f"^{name} is not set"):
        environment.load({other: value for other, value in NEEDED.items() if other != name})
    assert name not in environment.load({}, required=False).values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d"),
        ("REDIS_URL", "http://:hunter2@h"),
        ("MPS_FIELD_KEYS", "hunter2"),
        ("MPS_FIELD_KEYS", " , "),
        ("MPS_HTTP_PORT", "http"),
        ("MPS_HTTP_PORT", "70000"),
        ("MPS_BIND", "everywhere"),
        ("MPS_DEBUG", "perhaps"),
        ("MPS_WEB_WORKERS", "0"),
        ("MPS_LOG_LEVEL", "LOUD"),
        ("MPS_LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_a_secret_one_not_shown(name: str, value: str) -> None:
    with pytest.raises(environment.ConfigurationError) as fault:
        environment.load(NEEDED | {name: value})
    assert str(fault.value).startswith(name)
    assert "hunter2" not in str(fault.value)
    assert "\n" not in str(fault.value)


def run(module: list[str], **changes: str | None) -> subprocess.CompletedProcess[str]:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("MPS_", "DATABASE_", "REDIS_"))
    }
    environ |= {name: value for name, value in changes.items() if value is not None}
    return subprocess.run(
        [sys.executable, *module], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["manage.py", "gateway"],
        ["manage.py", "sink"],
        ["-m", "mps_project.web"],
        ["-m", "celery", "-A", "mps_project", "worker"],
    ],
)
def test_a_command_without_its_variables_says_so_in_one_line(command: list[str]) -> None:
    ended = run(command, **(NEEDED | {"DATABASE_URL": None}))
    assert ended.returncode == 2
    assert ended.stderr.startswith("mps: DATABASE_URL is not set.")
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"MPS_HTTP_PORT": "http"}, "mps: MPS_HTTP_PORT='http' cannot be used"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "mps: DATABASE_URL cannot be used"),
        ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, "mps: DATABASE_URL: PostgreSQL cannot be reached"),
        ({"REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}, "mps: REDIS_URL: Valkey or Redis cannot be reached"),
        ({"MPS_DATA_DIR": "/dev/null/var"}, "mps: MPS_DATA_DIR=/dev/null/var cannot be used"),
        ({"MPS_BIND": "192.0.2.1"}, "mps: MPS_HTTP_PORT="),
        ({"MPS_WS_PORT": "18470"}, "mps: MPS_WS_PORT=18470: MPS_HTTP_PORT is the same port"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_one_line(tmp_path: Path, changes: dict[str, str], line: str) -> None:
    database = os.environ["DATABASE_URL"] if "REDIS_URL" in changes else None
    ports = {"MPS_HTTP_PORT": "18470", "MPS_WS_PORT": "18471", "MPS_MQTT_PORT": "18472"}
    ended = run(
        ["-m", "mps_project.run"], **(ports | {"MPS_DATA_DIR": str(tmp_path), "DATABASE_URL": database} | changes)
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith(line)
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "hunter2" not in ended.stderr
