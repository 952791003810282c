"""The environment variables: one declaration each, with its type, default and meaning.

The field `http_port` is the variable `MPS_HTTP_PORT`; a class holds the variables of one subject. A field with
`repr=False` holds a secret, which no message shows.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Literal

from pydantic import AliasGenerator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mps_project.configuration.types import (
    DatabaseUrl,
    FernetKeys,
    Limit,
    ListenAddress,
    Names,
    Networks,
    OptionalPort,
    Port,
    PositiveNumber,
    RedisUrl,
)

_WITHOUT_DEFAULT = frozenset({"DATABASE_URL", "REDIS_URL", "MPS_SECRET_KEY", "MPS_FIELD_KEYS"})


class _Group(BaseSettings):
    """Variables of one subject; the docstring of a group is its heading in the documentation."""

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: f"MPS_{name.upper()}"),
        case_sensitive=True,
        enable_decoding=False,  # lists are separated by commas, not JSON
        extra="ignore",
        frozen=True,
    )


class Listeners(_Group):
    """Ports and TLS."""

    http_port: Port = Field(8000, description="Port of the console and the APIs (WSGI).")
    ws_port: Port = Field(8001, description="Port of the device gateway's WebSocket (ASGI).")
    mqtt_port: Port = Field(1883, description="Port of the device gateway's MQTT over TCP (the TCP bridge).")
    mqtt_tls_port: OptionalPort = Field(0, description="Port of MQTT over TLS (8883 is usual); 0 for none.")
    ws_tls_port: OptionalPort = Field(0, description="Port of the device gateway's WebSocket over TLS; 0 for none.")
    bind: ListenAddress = Field("127.0.0.1", description="IP address the services listen on.")
    tls_cert_file: str = Field("", description="Certificate chain of the TLS ports (PEM); read again on SIGHUP.")
    tls_key_file: str = Field("", description="Private key of that certificate (PEM, without a passphrase).")


class Addresses(_Group):
    """Addresses and proxies."""

    public_host: str = Field("127.0.0.1", description="Host name written into the URLs of `demo.json` and the console.")
    public_url: str = Field(
        "",
        description="Address the service is reached at from outside; vendors post receipts below it.",
    )
    allowed_hosts: Names = Field(["*"], description="Host headers the web process answers to, comma-separated.")
    csrf_trusted_origins: Names = Field([], description="Origins the console may be posted to behind a proxy.")
    hsts_seconds: Limit = Field(
        31536000,
        description="How long browsers that came over HTTPS keep to it (Strict-Transport-Security), in seconds; 0 not "
        "to ask.",
    )
    trusted_proxies: Networks = Field(
        [],
        description="Networks (CIDR, comma-separated) of HTTP proxies whose X-Forwarded-For is believed (console, "
        "WebSocket), and X-Forwarded-Proto: the console is then served as over HTTPS.",
    )
    proxy_protocol: Literal["none", "mqtt", "all"] = Field(
        "none",
        description="Ports of the device gateway whose connections must begin with a balancer's PROXY protocol header "
        "(v1, v2): `none`, `mqtt` (the two of MQTT), `all` (those of the WebSocket too).",
    )
    proxy_trusted: Networks = Field(
        [ip_network("127.0.0.0/8"), ip_network("::1/128")],
        description="Networks (CIDR, comma-separated) whose PROXY headers are believed; from elsewhere nobody may "
        "connect then.",
    )
    receipt_allow_private: bool = Field(
        False,
        description="Send receipts also to private, loopback and link-local addresses. `make run` sets 1 where only "
        "this machine reaches it.",
    )
    vendor_allow_private: bool = Field(
        False,
        description="Call vendors also at private, loopback and link-local addresses, and by plain http (a simulator).",
    )


class Processes(_Group):
    """Processes and threads."""

    web_workers: PositiveNumber = Field(2, description="Processes of the web server.")
    web_threads: PositiveNumber = Field(
        24,
        description="Threads of each web server process; each may hold a database connection.",
    )
    gateway_processes: PositiveNumber = Field(
        1,
        description="Gateway processes that share the devices' ports (SO_REUSEPORT); `make run` starts so many. One "
        "per core.",
    )
    worker_threads: PositiveNumber = Field(
        20,
        description="Threads of the worker for periodic work; each kind takes one at most.",
    )
    worker_concurrency: PositiveNumber = Field(
        2,
        description="Processes of the worker that loads files and makes exports.",
    )
    vendor_threads: PositiveNumber = Field(
        40,
        description="Threads of the worker that sends to vendors; each vendor takes 4.",
    )


class RequestLimits(_Group):
    """Limits of HTTP and the APIs."""

    http_max_connections: Limit = Field(4000, description="HTTP connections a web process holds; 0 for no limit.")
    http_max_connections_per_address: Limit = Field(
        512,
        description="HTTP connections from one address to a web process, MPS_TRUSTED_PROXIES excepted; 0 for no limit.",
    )
    http_body_seconds: PositiveNumber = Field(
        20,
        description="Seconds in which a request's body has to arrive; a longer body has a second more for each 16 KiB.",
    )
    max_body_bytes: PositiveNumber = Field(2097152, description="Largest request body the APIs read, in bytes.")
    max_file_bytes: PositiveNumber = Field(209715200, description="Largest file of a multiple push, in bytes.")
    api_rate_per_second: PositiveNumber = Field(
        500,
        description="API calls a second granted to each access key or workspace.",
    )
    api_quota_per_day: Limit = Field(0, description="API calls a UTC day granted to each of them; 0 for no limit.")
    max_expired_seconds: PositiveNumber = Field(
        604800,
        description="Longest validity of a message, in seconds (code 3026).",
    )
    login_failures_per_address: Limit = Field(
        30,
        description="Failed logins to the console, whatever the names, after which an address is locked out for 15 "
        "minutes; 0 for no limit.",
    )


class DeviceLimits(_Group):
    """Limits of devices."""

    gateway_max_keep_alive: PositiveNumber = Field(
        1200,
        description="Longest MQTT keep alive granted to a device, in seconds.",
    )
    max_connections: Limit = Field(
        0,
        description="Device connections each gateway process holds at most; 0 for no limit.",
    )
    max_connections_per_address: Limit = Field(
        0,
        description="Device connections from one address to a gateway process; 0 for no limit.",
    )
    max_connections_per_app: Limit = Field(
        0,
        description="Devices of one app connected to a gateway process; 0 for no limit.",
    )
    max_connections_per_workspace: Limit = Field(
        0,
        description="Devices of one workspace connected to a gateway process; 0 for no limit.",
    )
    max_connect_rate_per_address: Limit = Field(
        0,
        description="Connects a second from one address to a gateway process; 0 for no limit.",
    )
    device_failures_per_address: Limit = Field(
        60,
        description="Wrong credentials a minute at the devices' HTTP requests, after which an address is refused until "
        "the minute is over; 0 for no limit.",
    )
    device_registrations_per_address: Limit = Field(
        3000,
        description="Devices an hour that one address may register, over HTTP and MQTT; 0 for no limit.",
    )
    device_registrations_per_workspace: Limit = Field(
        300000,
        description="Devices an hour that may be registered in a workspace; 0 for no limit.",
    )


class Retention(_Group):
    """Retention."""

    message_retention_days: PositiveNumber = Field(
        30,
        description="Days a message is kept; older daily partitions are dropped.",
    )
    receipt_retention_days: PositiveNumber = Field(
        7,
        description="Days a receipt and its attempts are kept once its message cannot be valid any more.",
    )
    device_retention_days: Limit = Field(
        365,
        description="Days a device that is not seen is kept, with its bindings; 0 for ever.",
    )
    audit_retention_days: PositiveNumber = Field(365, description="Days an entry of the audit log is kept.")
    analysis_minute_days: PositiveNumber = Field(92, description="Days the analysis keeps its sums of minutes.")
    analysis_retention_days: PositiveNumber = Field(
        400,
        description="Days the analysis keeps its sums of quarters of an hour.",
    )


class General(_Group):
    """General."""

    data_dir: str = Field("var", description="Directory of the embedded engines' data, `demo.json`, generated secrets.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="Least severe log level written: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Literal["console", "json"] = Field(
        "console",
        description="`console` for people or `json` for machines.",
    )
    debug: bool = Field(False, description="Django's debug pages. Never in production.")
    demo_vendors: bool = Field(
        False,
        description="`make run` also simulates the vendors, and shows a message going through each of them.",
    )
    demo_data: bool = Field(
        False,
        description="`make run` also fills the demo app with a week of plausible traffic, once, so that every page of "
        "the console shows something. It refuses to start where there are other apps.",
    )
    sweep_after_seconds: PositiveNumber = Field(
        5,
        description="Age, in seconds, at which a pending message is handed over again.",
    )
    max_clock_offset_seconds: PositiveNumber = Field(
        30,
        description="Not ready (`/readyz`) while a web or gateway host's clock differs from the database's by more "
        "seconds.",
    )


class CommonConfiguration(General, Retention, DeviceLimits, RequestLimits, Processes, Addresses, Listeners):
    """All variables that have a default."""

    @model_validator(mode="before")
    @classmethod
    def _take_empty_for_unset(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let an empty variable that has no default count as one that is not set."""
        return {name: value for name, value in given.items() if value != "" or name not in _WITHOUT_DEFAULT}


class Configuration(CommonConfiguration):
    """All variables, as every process of the service needs them."""

    database_url: DatabaseUrl = Field(
        validation_alias="DATABASE_URL",
        repr=False,
        description="PostgreSQL 15 to 18. `make run` starts an embedded one where this is unset; every other command "
        "needs it.",
    )
    redis_url: RedisUrl = Field(
        validation_alias="REDIS_URL",
        repr=False,
        description="Valkey or Redis. `make run` starts an embedded one where this is unset; every other command needs "
        "it.",
    )
    secret_key: str = Field(
        repr=False,
        description="Django's secret key (sessions, CSRF). `make run` makes one for the installation where this is "
        "unset.",
    )
    field_keys: FernetKeys = Field(
        repr=False,
        description="Fernet keys, comma-separated, that encrypt secrets at rest; the first encrypts, all decrypt "
        "(rotation). `make run` makes one for the installation where this is unset.",
    )


class LauncherConfiguration(CommonConfiguration):
    """The variables as the launcher is given them: it makes up those without a default that are not set."""

    database_url: DatabaseUrl | None = Field(None, validation_alias="DATABASE_URL", repr=False)
    redis_url: RedisUrl | None = Field(None, validation_alias="REDIS_URL", repr=False)
    secret_key: str | None = Field(None, repr=False)
    field_keys: FernetKeys | None = Field(None, repr=False)
