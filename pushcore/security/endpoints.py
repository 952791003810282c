"""Validate and normalise endpoints: the URLs of backends and vendors that operators enter and the service calls."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urldefrag, urlsplit

from cryptography import x509
from django.utils.translation import gettext_noop
from requests import PreparedRequest
from requests.exceptions import RequestException

NO_URL = gettext_noop("This is no URL.")
NOT_HTTP = gettext_noop("Starts with http:// or https://.")
NOT_HTTPS = gettext_noop("Starts with https://: what is sent there is secret.")
HAS_USER = gettext_noop("Has a user name or password, which everybody who sees the page would see.")
HAS_FRAGMENT = gettext_noop("Has a fragment (#...), which no server is ever sent.")
NO_CERTIFICATE = gettext_noop("This is no certificate in PEM form.")
HAS_QUERY = gettext_noop("Has a query (?...): a path is appended to it.")


def problem(url: str, *, https_only: bool = False, is_base: bool = False) -> str:
    """Return what is wrong with an endpoint, as a sentence; empty if nothing is.

    Args:
        url: The endpoint.
        https_only: Whether secrets are sent there, so that it must be https.
        is_base: Whether paths are appended to it, so that it may have no query.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        as_sent(url)
    except ValueError:
        return NO_URL
    checks = (
        (parts.scheme not in ("http", "https"), NOT_HTTP),
        (https_only and parts.scheme != "https", NOT_HTTPS),
        (not host, NO_URL),
        ("@" in parts.netloc, HAS_USER),
        ("#" in url, HAS_FRAGMENT),
        (is_base and "?" in url, HAS_QUERY),
    )
    return next((found for is_wrong, found in checks if is_wrong), "")


def authority_problem(pem: str) -> str:
    """Return what is wrong with an extra authority (PEM) for endpoints, as a sentence; empty if nothing is."""
    if not pem.strip():
        return ""
    try:
        return "" if x509.load_pem_x509_certificates(pem.encode()) else NO_CERTIFICATE
    except ValueError:
        return NO_CERTIFICATE


@lru_cache(maxsize=4096)
def as_sent(url: str) -> str:
    """Return the URL as it is sent: host in IDNA, other characters percent-encoded, no fragment, no empty query.

    Raises:
        ValueError: It is no URL.
    """
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(urldefrag(url).url, None)
    except RequestException as error:
        raise ValueError(str(error)) from None
    return str(prepared.url)


def with_parameter(url: str, parameter: str) -> str:
    """Return the URL as it is sent with a query parameter ("name=value", encoded) appended.

    Raises:
        ValueError: It is no URL.
    """
    ready = as_sent(url)
    return f"{ready}{'&' if '?' in ready else '?'}{parameter}"


def origin(url: str) -> str:
    """Return scheme, host and port of an endpoint; empty if it is no URL."""
    try:
        parts = urlsplit(as_sent(url))
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return ""
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
