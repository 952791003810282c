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
    Origins,
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

    http_port: Port = Field(8000, description="TCP port of the console and of the server APIs.")
    ws_port: Port = Field(8001, description="TCP port on which devices connect by MQTT over WebSocket.")
    mqtt_port: Port = Field(1883, description="TCP port on which devices connect by MQTT.")
    mqtt_tls_port: OptionalPort = Field(
        0,
        description=(
            "TCP port of MQTT over TLS, usually 8883. 0 switches it off. Needs MPS_TLS_CERT_FILE and MPS_TLS_KEY_FILE."
        ),
    )
    ws_tls_port: OptionalPort = Field(
        0,
        description=(
            "TCP port of MQTT over WebSocket with TLS. 0 switches it off. Needs MPS_TLS_CERT_FILE and MPS_TLS_KEY_FILE."
        ),
    )
    bind: ListenAddress = Field(
        "127.0.0.1",
        description="IP address that all ports are opened on. Set `0.0.0.0` to accept connections from other machines.",
    )
    tls_cert_file: str = Field(
        "",
        description="Path of the certificate chain (PEM) for the two TLS ports. The gateway reads it again on SIGHUP.",
    )
    tls_key_file: str = Field("", description="Path of the certificate's private key (PEM, without a passphrase).")


class Addresses(_Group):
    """Addresses and proxies."""

    public_host: str = Field(
        "127.0.0.1",
        description=(
            "Host name under which browsers and devices reach this service: part of the URLs in `demo.json`, and "
            "where the console's device simulator connects."
        ),
    )
    public_url: str = Field(
        "",
        description=(
            "Base URL under which the service is reached from the Internet, such as `https://push.example.com`. "
            "Vendors post delivery reports below it; set it if you use a vendor that sends them."
        ),
    )
    device_mqtt_url: str = Field(
        "",
        description=(
            "Where devices connect by MQTT, such as `mqtts://push.example.com:8883`: told in the configuration file of "
            "the SDKs that the console offers. Set it behind a balancer; by default MPS_PUBLIC_HOST and the port."
        ),
    )
    device_ws_url: str = Field(
        "",
        description=(
            "Where browsers connect by MQTT over WebSocket, such as `wss://push.example.com/gateway/mqtt`: likewise."
        ),
    )
    allowed_hosts: Names = Field(
        ["*"],
        description=(
            "Host names that requests may be addressed to (Host header), comma-separated. `*` allows all; in "
            "production set your own."
        ),
    )
    csrf_trusted_origins: Names = Field(
        [],
        description=(
            "Origins (`https://console.example.com`, comma-separated) whose forms the console accepts. Needed "
            "behind a proxy that changes the Host header or terminates TLS without being in MPS_TRUSTED_PROXIES."
        ),
    )
    hsts_seconds: Limit = Field(
        31536000,
        description=(
            "Seconds for which browsers that came over HTTPS use nothing else (header Strict-Transport-Security). "
            "0 leaves the header out. Lower it while you are still trying HTTPS."
        ),
    )
    trusted_proxies: Networks = Field(
        [],
        description=(
            "Networks (CIDR, comma-separated) of your HTTP proxies. From these the client's address is taken from "
            "X-Forwarded-For (console, APIs, WebSocket), and X-Forwarded-Proto says whether a request came over "
            "HTTPS. Without it, all clients of a proxy count as one address."
        ),
    )
    proxy_protocol: Literal["none", "mqtt", "all"] = Field(
        "none",
        description=(
            "Gateway ports on which each connection must begin with a PROXY protocol header (version 1 or 2): "
            "`none`, `mqtt` (both MQTT ports) or `all` (the WebSocket ports too). Set it behind a TCP balancer."
        ),
    )
    proxy_trusted: Networks = Field(
        [ip_network("127.0.0.0/8"), ip_network("::1/128")],
        description=(
            "Networks (CIDR, comma-separated) of the balancers that send PROXY headers. While MPS_PROXY_PROTOCOL "
            "is set, connections from elsewhere are closed."
        ),
    )
    receipt_allow_private: bool = Field(
        False,
        description=(
            "1 lets callback URLs point to private, loopback and link-local addresses. `make run` sets it while "
            "it listens on loopback only."
        ),
    )
    vendor_allow_private: bool = Field(
        False,
        description=(
            "1 lets vendor accounts name private addresses and plain `http`. For simulated vendors; leave it off "
            "in production."
        ),
    )


class Processes(_Group):
    """Processes and threads."""

    web_workers: PositiveNumber = Field(
        2, description="Number of web server processes. About one for each core that serves APIs."
    )
    web_threads: PositiveNumber = Field(
        24,
        description=(
            "Threads of each web server process, so the number of requests it serves at once. Each may hold a "
            "database connection."
        ),
    )
    gateway_processes: PositiveNumber = Field(
        1,
        description=(
            "Number of gateway processes that `make run` starts and that share the devices' ports (SO_REUSEPORT). "
            "One for each core."
        ),
    )
    worker_threads: PositiveNumber = Field(
        20,
        description=(
            "Threads of the worker for periodic work. Each kind of work takes one thread at most, so more than "
            "the default does not help."
        ),
    )
    worker_concurrency: PositiveNumber = Field(
        2,
        description=(
            "Processes of the worker that reads files of targets and writes exports: how many of these run at once."
        ),
    )
    vendor_threads: PositiveNumber = Field(
        40,
        description=(
            "Threads of the worker that sends to vendors. Each vendor takes up to 4, and each thread may hold a "
            "database connection."
        ),
    )


class RequestLimits(_Group):
    """Limits of HTTP and the APIs."""

    http_max_connections: Limit = Field(
        4000, description="Largest number of open HTTP connections of a web process. 0 for no limit."
    )
    http_max_connections_per_address: Limit = Field(
        512,
        description=(
            "Largest number of open HTTP connections from one address to a web process. Addresses in "
            "MPS_TRUSTED_PROXIES are not limited. 0 for no limit."
        ),
    )
    http_body_seconds: PositiveNumber = Field(
        20,
        description=(
            "Seconds within which a request's body must arrive, plus one second for each 16 KiB. Raise it for "
            "clients on slow lines."
        ),
    )
    max_body_bytes: PositiveNumber = Field(
        2097152, description="Largest request body of the APIs, in bytes. Larger ones are refused."
    )
    max_file_bytes: PositiveNumber = Field(
        209715200, description="Largest file of a multiple push, in bytes. Larger ones are refused."
    )
    api_rate_per_second: PositiveNumber = Field(
        500,
        description=(
            "API calls per second that each access key (RPC) or workspace (REST) may make, with bursts of two "
            "seconds' worth. Further calls are refused with 429."
        ),
    )
    api_quota_per_day: Limit = Field(
        0, description="API calls per UTC day that each access key (RPC) or workspace (REST) may make. 0 for no limit."
    )
    max_expired_seconds: PositiveNumber = Field(
        604800,
        description=(
            "Longest validity that a push may ask for, in seconds (604800 is 7 days). More is refused with code 3026."
        ),
    )
    login_failures_per_address: Limit = Field(
        30,
        description=(
            "Failed logins to the console from one address, under any names, after which the address is locked "
            "out for 15 minutes. 0 for no limit."
        ),
    )


class DeviceLimits(_Group):
    """Limits of devices."""

    device_origins: Origins = Field(
        [],
        description=(
            "Origins (`https://shop.example`, comma-separated) of web pages that are devices: browsers let them send "
            "devices' requests over HTTP. `*` allows all."
        ),
    )
    ws_check_origin: bool = Field(
        False,
        description=(
            "Refuse WebSocket connections of web pages whose origin is not in MPS_DEVICE_ORIGINS. The console's own "
            "origin must be there too, for its device simulator. Devices that send no origin are not concerned."
        ),
    )
    gateway_max_keep_alive: PositiveNumber = Field(
        1200,
        description=(
            "Longest MQTT keep alive that a device gets, in seconds; a device that asks for more gets this. A "
            "lower value notices dead connections sooner and costs devices more energy."
        ),
    )
    max_connections: Limit = Field(
        0,
        description="Largest number of device connections of a gateway process. 0 for no limit.",
    )
    max_connections_per_address: Limit = Field(
        0,
        description="Largest number of device connections from one address to a gateway process. 0 for no limit.",
    )
    max_connections_per_app: Limit = Field(
        0,
        description="Largest number of one app's devices connected to a gateway process. 0 for no limit.",
    )
    max_connections_per_workspace: Limit = Field(
        0,
        description="Largest number of one workspace's devices connected to a gateway process. 0 for no limit.",
    )
    max_connect_rate_per_address: Limit = Field(
        0,
        description=(
            "Connection attempts per second that one address may make at a gateway process, with bursts of five "
            "seconds' worth. 0 for no limit."
        ),
    )
    device_failures_per_address: Limit = Field(
        60,
        description=(
            "Device requests over HTTP with wrong credentials that one address may make per minute; then it is "
            "refused until the minute ends. 0 for no limit."
        ),
    )
    device_registrations_per_address: Limit = Field(
        3000,
        description=(
            "Devices per hour that one address may register, over HTTP and MQTT together. Raise it if many "
            "devices share an address. 0 for no limit."
        ),
    )
    device_registrations_per_workspace: Limit = Field(
        300000,
        description="Devices per hour that may register in a workspace, over HTTP and MQTT together. 0 for no limit.",
    )


class Retention(_Group):
    """Retention."""

    message_retention_days: PositiveNumber = Field(
        30,
        description="Days for which messages are kept. Afterwards the day's partition is dropped.",
    )
    receipt_retention_days: PositiveNumber = Field(
        7,
        description="Days for which a receipt and its delivery attempts are kept after its message's validity.",
    )
    inbox_days: PositiveNumber = Field(
        30,
        description="Days for which a message is in the inbox of its user or device, as long as it is kept.",
    )
    device_retention_days: Limit = Field(
        365,
        description=(
            "Days after which a device that has not been seen is removed with its bindings. 0 keeps devices for ever."
        ),
    )
    audit_retention_days: PositiveNumber = Field(365, description="Days for which entries of the audit log are kept.")
    analysis_minute_days: PositiveNumber = Field(
        92, description="Days for which the usage analysis can be shown by minute."
    )
    analysis_retention_days: PositiveNumber = Field(
        400,
        description="Days for which the usage analysis can be shown by hour and day.",
    )


class General(_Group):
    """General."""

    data_dir: str = Field(
        "var",
        description=(
            "Directory in which `make run` keeps its PostgreSQL and Valkey, generated secrets, `demo.json` and "
            "`mps-device.json`."
        ),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="Least severe level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    )
    log_format: Literal["console", "json"] = Field(
        "console",
        description="`console` for people, `json` for log collectors.",
    )
    debug: bool = Field(
        False, description="1 shows Django's debug pages, with settings and source code. Never in production."
    )
    demo_vendors: bool = Field(
        False,
        description="1 lets `make run` also simulate the vendors and push a message through each.",
    )
    demo_data: bool = Field(
        False,
        description=(
            "1 lets `make run` also fill the demo app with two weeks of plausible traffic, once, so that every page of "
            "the console shows something. It refuses to start where there are other apps."
        ),
    )
    sweep_after_seconds: PositiveNumber = Field(
        5,
        description=(
            "Seconds after which a message that is still pending is dispatched again. A lower value mends a lost "
            "dispatch sooner and costs more queries."
        ),
    )
    max_clock_offset_seconds: PositiveNumber = Field(
        30,
        description=(
            "Seconds by which the clock of a web or gateway host may differ from the database's. Beyond that "
            "`/readyz` says not ready."
        ),
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
        description=(
            "PostgreSQL 15 to 18, such as `postgresql://user:password@host:5432/mps`. Without it `make run` "
            "starts an embedded one."
        ),
    )
    redis_url: RedisUrl = Field(
        validation_alias="REDIS_URL",
        repr=False,
        description="Valkey or Redis, such as `redis://host:6379/0`. Without it `make run` starts an embedded Valkey.",
    )
    secret_key: str = Field(
        repr=False,
        description=(
            "Django's secret key, which signs sessions and CSRF tokens: a long random text. `make run` generates one."
        ),
    )
    field_keys: FernetKeys = Field(
        repr=False,
        description=(
            "Fernet keys, comma-separated, that encrypt secrets in the database. The first encrypts and all "
            "decrypt, so put a new one in front to rotate. `make run` generates one."
        ),
    )


class LauncherConfiguration(CommonConfiguration):
    """The variables as the launcher is given them: it makes up those without a default that are not set."""

    database_url: DatabaseUrl | None = Field(None, validation_alias="DATABASE_URL", repr=False)
    redis_url: RedisUrl | None = Field(None, validation_alias="REDIS_URL", repr=False)
    secret_key: str | None = Field(None, repr=False)
    field_keys: FernetKeys | None = Field(None, repr=False)
