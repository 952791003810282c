"""The environment variables this service reads: one table, checked at start.

Every setting that differs between installations is a `Variable` below (12-factor, https://12factor.net/config).
`load()` parses them all and raises `ConfigurationError` with one clear line for the first that is missing or wrong;
the README's table is checked against this one by a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from cryptography.fernet import Fernet


class ConfigurationError(Exception):
    """An environment variable is missing or has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    `default` is the text used where the variable is unset; None means it must be set. `secret` values never appear in
    an error message.
    """

    name: str
    default: str | None
    parse: Callable[[str], object]
    meaning: str
    secret: bool = False


def _text(raw: str) -> str:
    return raw


def _port(raw: str) -> int:
    port = int(raw)
    if not 1 <= port <= 65535:
        raise ValueError("a port is 1 to 65535")
    return port


def _port_or_none(raw: str) -> int:
    """A port, 0 for none."""
    return 0 if raw.strip() in ("", "0") else _port(raw)


def _count(raw: str) -> int:
    count = int(raw)
    if count < 1:
        raise ValueError("must be 1 or more")
    return count


def _number_or_none(raw: str) -> int:
    """A number, 0 for none."""
    return 0 if raw.strip() == "0" else _count(raw)


def _switch(raw: str) -> bool:
    try:
        return {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }[raw.lower()]
    except KeyError:
        raise ValueError("must be 0 or 1") from None


def _address(raw: str) -> str:
    if raw != "localhost":
        ip_address(raw)
    return raw


def _names(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def _networks(raw: str) -> list[str]:
    networks = _names(raw)
    for network in networks:
        ip_network(network)
    return networks


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return raw

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes:
            raise ValueError(f"must start with {' or '.join(scheme + '://' for scheme in schemes)}")
        _ = parts.port  # urlsplit checks the port only when it is read
        return raw

    return parse


def _fernet_keys(raw: str) -> list[str]:
    keys = _names(raw)
    if not keys:
        raise ValueError("at least one key is needed")
    for key in keys:
        Fernet(key)
    return keys


_DATABASE_SCHEMES = ("postgres", "postgresql")
_REDIS_SCHEMES = ("redis", "rediss", "unix")

VARIABLES: tuple[Variable, ...] = (
    Variable(
        "DATABASE_URL",
        None,
        _url(*_DATABASE_SCHEMES),
        "PostgreSQL 15 to 18. `make run` starts an embedded one where this is unset; every other command needs it.",
        secret=True,
    ),
    Variable(
        "REDIS_URL",
        None,
        _url(*_REDIS_SCHEMES),
        "Valkey or Redis. `make run` starts an embedded one where this is unset; every other command needs it.",
        secret=True,
    ),
    Variable(
        "MPS_SECRET_KEY",
        None,
        _text,
        "Django's secret key (sessions, CSRF). `make run` makes one for the installation where this is unset.",
        secret=True,
    ),
    Variable(
        "MPS_FIELD_KEYS",
        None,
        _fernet_keys,
        "Fernet keys, comma-separated, that encrypt secrets at rest; the first encrypts, all decrypt (rotation). "
        "`make run` makes one for the installation where this is unset.",
        secret=True,
    ),
    Variable("MPS_HTTP_PORT", "8000", _port, "Port of the console and the APIs (WSGI)."),
    Variable("MPS_WS_PORT", "8001", _port, "Port of the device gateway's WebSocket (ASGI)."),
    Variable("MPS_MQTT_PORT", "1883", _port, "Port of the device gateway's MQTT over TCP (the TCP bridge)."),
    Variable("MPS_MQTT_TLS_PORT", "0", _port_or_none, "Port of MQTT over TLS (8883 is usual); 0 for none."),
    Variable("MPS_WS_TLS_PORT", "0", _port_or_none, "Port of the device gateway's WebSocket over TLS; 0 for none."),
    Variable("MPS_TLS_CERT_FILE", "", _text, "Certificate chain of the TLS ports (PEM); read again on SIGHUP."),
    Variable("MPS_TLS_KEY_FILE", "", _text, "Private key of that certificate (PEM, without a passphrase)."),
    Variable(
        "MPS_PROXY_PROTOCOL",
        "none",
        _one_of("none", "mqtt", "all"),
        "Ports of the device gateway whose connections must begin with a balancer's PROXY protocol header (v1, v2): "
        "`none`, `mqtt` (the two of MQTT), `all` (those of the WebSocket too).",
    ),
    Variable(
        "MPS_PROXY_TRUSTED",
        "127.0.0.0/8,::1/128",
        _networks,
        "Networks (CIDR, comma-separated) whose PROXY headers are believed; from elsewhere nobody may connect then.",
    ),
    Variable(
        "MPS_TRUSTED_PROXIES",
        "",
        _networks,
        "Networks (CIDR, comma-separated) of HTTP proxies whose X-Forwarded-For is believed (console, WebSocket), "
        "and X-Forwarded-Proto: the console is then served as over HTTPS.",
    ),
    Variable(
        "MPS_HSTS_SECONDS",
        "31536000",
        _number_or_none,
        "How long browsers that came over HTTPS keep to it (Strict-Transport-Security), in seconds; 0 not to ask.",
    ),
    Variable("MPS_BIND", "127.0.0.1", _address, "IP address the services listen on."),
    Variable("MPS_DATA_DIR", "var", _text, "Directory of the embedded engines' data, `demo.json`, generated secrets."),
    Variable("MPS_PUBLIC_HOST", "127.0.0.1", _text, "Host name written into the URLs of `demo.json` and the console."),
    Variable(
        "MPS_PUBLIC_URL", "", _text, "Address the service is reached at from outside; vendors post receipts below it."
    ),
    Variable("MPS_ALLOWED_HOSTS", "*", _names, "Host headers the web process answers to, comma-separated."),
    Variable("MPS_CSRF_TRUSTED_ORIGINS", "", _names, "Origins the console may be posted to behind a proxy."),
    Variable("MPS_DEBUG", "0", _switch, "Django's debug pages. Never in production."),
    Variable(
        "MPS_LOG_LEVEL",
        "INFO",
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "Least severe log level written: DEBUG, INFO, WARNING or ERROR.",
    ),
    Variable("MPS_LOG_FORMAT", "console", _one_of("console", "json"), "`console` for people or `json` for machines."),
    Variable("MPS_WEB_WORKERS", "2", _count, "Processes of the web server."),
    Variable(
        "MPS_WEB_THREADS", "24", _count, "Threads of each web server process; each may hold a database connection."
    ),
    Variable(
        "MPS_HTTP_MAX_CONNECTIONS", "4000", _number_or_none, "HTTP connections a web process holds; 0 for no limit."
    ),
    Variable(
        "MPS_HTTP_MAX_CONNECTIONS_PER_ADDRESS",
        "512",
        _number_or_none,
        "HTTP connections from one address to a web process, MPS_TRUSTED_PROXIES excepted; 0 for no limit.",
    ),
    Variable(
        "MPS_HTTP_BODY_SECONDS",
        "20",
        _count,
        "Seconds in which a request's body has to arrive; a longer body has a second more for each 16 KiB.",
    ),
    Variable("MPS_WORKER_CONCURRENCY", "2", _count, "Processes of the worker that loads files and makes exports."),
    Variable(
        "MPS_WORKER_THREADS",
        "20",
        _count,
        "Threads of the worker for periodic work; each kind takes one at most.",
    ),
    Variable("MPS_MAX_BODY_BYTES", "2097152", _count, "Largest request body the APIs read, in bytes."),
    Variable("MPS_MAX_FILE_BYTES", "209715200", _count, "Largest file of a multiple push, in bytes."),
    Variable("MPS_API_RATE_PER_SECOND", "500", _count, "API calls a second granted to each access key or workspace."),
    Variable(
        "MPS_API_QUOTA_PER_DAY", "0", _number_or_none, "API calls a UTC day granted to each of them; 0 for no limit."
    ),
    Variable("MPS_MAX_EXPIRED_SECONDS", "604800", _count, "Longest validity of a message, in seconds (code 3026)."),
    Variable("MPS_MESSAGE_RETENTION_DAYS", "30", _count, "Days a message is kept; older daily partitions are dropped."),
    Variable("MPS_ANALYSIS_MINUTE_DAYS", "92", _count, "Days the analysis keeps its sums of minutes."),
    Variable("MPS_ANALYSIS_RETENTION_DAYS", "400", _count, "Days the analysis keeps its sums of quarters of an hour."),
    Variable(
        "MPS_RECEIPT_RETENTION_DAYS",
        "7",
        _count,
        "Days a receipt and its attempts are kept once its message cannot be valid any more.",
    ),
    Variable(
        "MPS_DEVICE_RETENTION_DAYS",
        "365",
        _number_or_none,
        "Days a device that is not seen is kept, with its bindings; 0 for ever.",
    ),
    Variable("MPS_AUDIT_RETENTION_DAYS", "365", _count, "Days an entry of the audit log is kept."),
    Variable(
        "MPS_RECEIPT_ALLOW_PRIVATE",
        "0",
        _switch,
        "Send receipts also to private, loopback and link-local addresses. `make run` sets 1 where only this machine "
        "reaches it.",
    ),
    Variable(
        "MPS_GATEWAY_PROCESSES",
        "1",
        _count,
        "Gateway processes that share the devices' ports (SO_REUSEPORT); `make run` starts so many. One per core.",
    ),
    Variable(
        "MPS_VENDOR_ALLOW_PRIVATE",
        "0",
        _switch,
        "Call vendors also at private, loopback and link-local addresses, and by plain http (a simulator).",
    ),
    Variable(
        "MPS_DEMO_VENDORS",
        "0",
        _switch,
        "`make run` also simulates the vendors, and shows a message going through each of them.",
    ),
    Variable("MPS_VENDOR_THREADS", "40", _count, "Threads of the worker that sends to vendors; each vendor takes 4."),
    Variable("MPS_GATEWAY_MAX_KEEP_ALIVE", "1200", _count, "Longest MQTT keep alive granted to a device, in seconds."),
    Variable(
        "MPS_MAX_CONNECTIONS",
        "0",
        _number_or_none,
        "Device connections each gateway process holds at most; 0 for no limit.",
    ),
    Variable(
        "MPS_MAX_CONNECTIONS_PER_ADDRESS",
        "0",
        _number_or_none,
        "Device connections from one address to a gateway process; 0 for no limit.",
    ),
    Variable(
        "MPS_MAX_CONNECTIONS_PER_APP",
        "0",
        _number_or_none,
        "Devices of one app connected to a gateway process; 0 for no limit.",
    ),
    Variable(
        "MPS_MAX_CONNECTIONS_PER_WORKSPACE",
        "0",
        _number_or_none,
        "Devices of one workspace connected to a gateway process; 0 for no limit.",
    ),
    Variable(
        "MPS_MAX_CONNECT_RATE_PER_ADDRESS",
        "0",
        _number_or_none,
        "Connects a second from one address to a gateway process; 0 for no limit.",
    ),
    Variable(
        "MPS_DEVICE_FAILURES_PER_ADDRESS",
        "60",
        _number_or_none,
        "Wrong credentials a minute at the devices' HTTP requests, after which an address is refused until the minute "
        "is over; 0 for no limit.",
    ),
    Variable(
        "MPS_LOGIN_FAILURES_PER_ADDRESS",
        "30",
        _number_or_none,
        "Failed logins to the console, whatever the names, after which an address is locked out for 15 minutes; 0 for "
        "no limit.",
    ),
    Variable(
        "MPS_DEVICE_REGISTRATIONS_PER_ADDRESS",
        "3000",
        _number_or_none,
        "Devices an hour that one address may register, over HTTP and MQTT; 0 for no limit.",
    ),
    Variable(
        "MPS_DEVICE_REGISTRATIONS_PER_WORKSPACE",
        "300000",
        _number_or_none,
        "Devices an hour that may be registered in a workspace; 0 for no limit.",
    ),
    Variable(
        "MPS_SWEEP_AFTER_SECONDS", "5", _count, "Age, in seconds, at which a pending message is handed over again."
    ),
    Variable(
        "MPS_MAX_CLOCK_OFFSET_SECONDS",
        "30",
        _count,
        "Not ready (`/readyz`) while a web or gateway host's clock differs from the database's by more seconds.",
    ),
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The parsed values of `VARIABLES`, by variable name."""

    values: Mapping[str, object]

    def text(self, name: str) -> str:
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int:
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def switch(self, name: str) -> bool:
        value = self.values[name]
        assert isinstance(value, bool)
        return value

    def names(self, name: str) -> list[str]:
        value = self.values[name]
        assert isinstance(value, list)
        return value


def parse_variable(variable: Variable, raw: str) -> object:
    """Parse one raw value; raises `ConfigurationError` with a line that names the variable and the fault."""
    try:
        return variable.parse(raw)
    except ValueError as error:
        shown = "" if variable.secret else f"={raw!r}"
        raise ConfigurationError(f"{variable.name}{shown} cannot be used: {error}") from None


def load(source: Mapping[str, str] | None = None, *, required: bool = True) -> Environment:
    """Parse all of `VARIABLES` from `source` (default: the process's environment).

    With `required=False` a variable without default may be missing (its value is then absent): `make run` checks what
    is set before it generates the rest. Raises `ConfigurationError`.
    """
    source = os.environ if source is None else source
    values: dict[str, object] = {}
    for variable in VARIABLES:
        raw = source.get(variable.name, variable.default)
        if raw is None or (raw == "" and variable.default is None):
            if required:
                raise ConfigurationError(f"{variable.name} is not set. {variable.meaning}")
            continue
        values[variable.name] = parse_variable(variable, raw)
    return Environment(values)
