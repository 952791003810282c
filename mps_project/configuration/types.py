"""Types of configuration values: how the text of an environment variable is read and what it may be.

A validator's message follows the variable's name in an error line, so it never contains the text itself: that may be a
password.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import psycopg2
from cryptography.fernet import Fernet
from psycopg2.extensions import parse_dsn
from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork
from redis.connection import parse_url


def _split(raw: object) -> object:
    """Split a comma-separated text; a default is a list already."""
    return [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw


def _zero_if_empty(raw: object) -> object:
    return raw or 0


def _ip_address(value: str) -> str:
    if value != "localhost":
        ip_address(value)
    return value


def _postgresql_url(value: str) -> str:
    """Check the URL as libpq reads it, whose own message would repeat it with the password."""
    if not value.startswith(("postgres://", "postgresql://")):
        raise ValueError("must start with postgres:// or postgresql://")
    try:
        ports = parse_dsn(value).get("port", "").split(",")
    except psycopg2.Error:
        raise ValueError("it is not a PostgreSQL URL") from None
    if not all(port.isdecimal() for port in ports if port):  # libpq looks at them when it connects
        raise ValueError("its port is not a number")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    try:
        parse_url(value)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError("it is not a Redis URL") from None
    return value


def _fernet_keys(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("at least one key is needed")
    for key in value:
        Fernet(key)
    return value


def _origins(value: list[str]) -> list[str]:
    for origin in value:
        parts = urlsplit(origin)
        if origin != "*" and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
            raise ValueError("an origin is scheme and host, such as https://shop.example, without a path")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
OptionalPort = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_zero_if_empty)]
"""A port, or 0 for none."""
PositiveNumber = Annotated[int, Field(ge=1)]
Limit = Annotated[int, Field(ge=0)]
"""A number, or 0 for no limit."""
ListenAddress = Annotated[str, AfterValidator(_ip_address)]
"""An IP address, or `localhost`."""
Names = Annotated[list[str], BeforeValidator(_split)]
Origins = Annotated[list[str], BeforeValidator(_split), AfterValidator(_origins)]
Networks = Annotated[list[IPvAnyNetwork], BeforeValidator(_split)]
DatabaseUrl = Annotated[str, AfterValidator(_postgresql_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
FernetKeys = Annotated[list[str], BeforeValidator(_split), AfterValidator(_fernet_keys)]
