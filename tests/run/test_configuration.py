"""The configuration: each variable is documented, each fault is reported in one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mps_project.configuration import (
    CommonConfiguration,
    Configuration,
    ConfigurationError,
    load,
    load_for_launcher,
    reference,
)

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDED = {
    "DATABASE_URL": "postgresql://user@localhost/mps",
    "REDIS_URL": "redis://localhost/0",
    "MPS_SECRET_KEY": "x",
    "MPS_FIELD_KEYS": Fernet.generate_key().decode(),
}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return an environment with only the variables that have no default."""
    for name in os.environ:
        if name.startswith("MPS_"):
            monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_documented_table_is_written_from_the_code() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.markdown(), (
        "python -m mps_project.configuration > docs/configuration.md"
    )


def test_every_variable_is_documented() -> None:
    assert [name for name, field in Configuration.model_fields.items() if not field.description] == []


@pytest.mark.usefixtures("environ")
def test_unset_variables_have_their_defaults() -> None:
    loaded = load()
    assert loaded.http_port == 8000
    assert loaded.bind == "127.0.0.1"
    assert loaded.receipt_allow_private is False
    assert loaded.allowed_hosts == ["*"]
    assert loaded.proxy_trusted == [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def test_defaults_are_values_that_could_be_set(environ: pytest.MonkeyPatch) -> None:
    """Setting a documented default by hand changes nothing."""
    unset = load()
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`|empty) \|", reference.markdown(), re.MULTILINE)
    assert len(rows) == len(CommonConfiguration.model_fields)
    for name, default in rows:
        environ.setenv(name, default)
    assert load() == unset


def test_lists_are_separated_by_commas_and_switches_have_many_spellings(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("MPS_ALLOWED_HOSTS", " a.example, b.example,")
    environ.setenv("MPS_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8")
    environ.setenv("MPS_PROXY_TRUSTED", "")
    environ.setenv("MPS_DEBUG", "Yes")
    environ.setenv("MPS_MQTT_TLS_PORT", "")
    loaded = load()
    assert loaded.allowed_hosts == ["a.example", "b.example"]
    assert loaded.trusted_proxies == [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert loaded.proxy_trusted == []
    assert loaded.debug is True
    assert loaded.mqtt_tls_port == 0


@pytest.mark.parametrize("name", sorted(NEEDED))
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(environ: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    environ.delenv(name)
    if value is not None:
        environ.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name} is not set"):
        load()
    field = name.removeprefix("MPS_").lower()
    assert getattr(load_for_launcher(), field) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?no_such_option=1"),
        ("REDIS_URL", "http://:hunter2@h"),
        ("REDIS_URL", "redis://:hunter2@h?socket_timeout=soon"),
        ("MPS_FIELD_KEYS", "hunter2"),
        ("MPS_FIELD_KEYS", " , "),
        ("MPS_HTTP_PORT", "http"),
        ("MPS_HTTP_PORT", "70000"),
        ("MPS_HTTP_PORT", ""),
        ("MPS_BIND", "everywhere"),
        ("MPS_DEBUG", "perhaps"),
        ("MPS_WEB_WORKERS", "0"),
        ("MPS_LOG_LEVEL", "LOUD"),
        ("MPS_LOG_FORMAT", "xml"),
        ("MPS_PROXY_TRUSTED", "10.0.0.0/8,10.0.0.1/8"),
        ("MPS_DEVICE_ORIGINS", "https://shop.example/"),
        ("MPS_DEVICE_ORIGINS", "shop.example"),
    ],
)
@pytest.mark.parametrize("read", [load, load_for_launcher])
def test_a_value_that_cannot_be_used_is_named_and_a_secret_one_not_shown(
    environ: pytest.MonkeyPatch, read: Callable[[], CommonConfiguration], name: str, value: str
) -> None:
    environ.setenv(name, value)
    with pytest.raises(ConfigurationError) as fault:
        read()
    assert str(fault.value).startswith(f"{name} cannot be used: " if name in NEEDED else f"{name}={value!r} cannot")
    assert "hunter2" not in str(fault.value)
    assert "\n" not in str(fault.value)


def test_secrets_are_not_shown_where_the_configuration_is_written_out(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    environ.setenv("REDIS_URL", "redis://:hunter2@h")
    environ.setenv("MPS_SECRET_KEY", "hunter2")
    for loaded in (load(), load_for_launcher()):
        assert "hunter2" not in repr(loaded)
        assert NEEDED["MPS_FIELD_KEYS"] not in str(loaded)


def run(module: list[str], **changes: str | None) -> subprocess.CompletedProcess[str]:
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("MPS_", "DATABASE_", "REDIS_"))
    }
    variables |= {name: value for name, value in changes.items() if value is not None}
    return subprocess.run(
        [sys.executable, *module], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["manage.py", "gateway"],
        ["manage.py", "sink"],
        ["-m", "mps_project.web.server"],
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
def test_an_impossible_start_is_refused_in_one_line(tmp_path: Path, changes: dict[str, str], line: str) -> None:
    database = os.environ["DATABASE_URL"] if "REDIS_URL" in changes else None
    ports = {"MPS_HTTP_PORT": "18470", "MPS_WS_PORT": "18471", "MPS_MQTT_PORT": "18472"}
    ended = run(
        ["-m", "mps_project.run"], **(ports | {"MPS_DATA_DIR": str(tmp_path), "DATABASE_URL": database} | changes)
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith(line)
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "hunter2" not in ended.stderr
