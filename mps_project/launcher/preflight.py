"""Checks before anything is started: ports are free, servers answer."""

from __future__ import annotations

import socket
from urllib.parse import unquote, urlsplit

import psycopg2
import redis

from mps_project.configuration import CommonConfiguration

CONNECT_SECONDS = 5


class PreflightError(Exception):
    """The service cannot start; the message is one line for the operator, without secrets."""


def check_ports(options: CommonConfiguration) -> None:
    """Check all ports. Raises `PreflightError` for the first that cannot be listened on, or is named twice."""
    ports = {
        "MPS_HTTP_PORT": options.http_port,
        "MPS_WS_PORT": options.ws_port,
        "MPS_MQTT_PORT": options.mqtt_port,
        "MPS_MQTT_TLS_PORT": options.mqtt_tls_port,
        "MPS_WS_TLS_PORT": options.ws_tls_port,
    }
    seen: dict[int, str] = {}
    for variable, port in ports.items():
        if not port:
            continue
        if port in seen:
            raise PreflightError(f"{variable}={port}: {seen[port]} is the same port")
        seen[port] = variable
        check_port(options.bind, port, variable)


def check_port(address: str, port: int, variable: str) -> None:
    """Check the port that `variable` names. Raises `PreflightError` where it cannot be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            raise PreflightError(f"{variable}={port}: this port needs privileges this user does not have") from None
        except OSError:
            raise PreflightError(
                f"{variable}={port}: the port is taken on {address}, or the address is not ours"
            ) from None


def check_database(url: str) -> None:
    """Connect to PostgreSQL once. Raises `PreflightError` with the reason, without the password."""
    try:
        psycopg2.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg2.Error as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        password = urlsplit(url).password
        for spelling in (password, unquote(password or "")):
            if spelling:
                reason = reason.replace(spelling, "***")
        raise PreflightError(f"DATABASE_URL: PostgreSQL cannot be reached: {reason}") from None


def check_redis(url: str) -> None:
    """Connect to Valkey or Redis once. Raises `PreflightError` with the kind of fault."""
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS)
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, ValueError) as error:
        raise PreflightError(f"REDIS_URL: Valkey or Redis cannot be reached: {type(error).__name__}") from None
