"""Adapters with warm connections: each process keeps one for each sender of an account at work."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog
from django.conf import settings

from channels_vendor.base.contract import Adapter
from channels_vendor.base.credentials import SharedCredential
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from channels_vendor.reports.reports import report_url_problem
from pushcore.channels import Channel
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient

log = structlog.get_logger(__name__)

MAX_IDLE = 64

_Key = tuple[int, datetime]
_idle: OrderedDict[_Key, list[Adapter]] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def adapter_of(row: VendorAccount) -> Iterator[Adapter]:
    """Lend the account's adapter to this thread. One whose account has been changed is not used again."""
    key = (row.pk, row.updated_at)
    with _lock:
        idle = _idle.get(key)
        adapter = idle.pop() if idle else None
    adapter = adapter or open_adapter(row)
    try:
        yield adapter
    except BaseException:
        adapter.close()
        raise
    for old in _keep(key, adapter):
        old.close()


def _keep(key: _Key, adapter: Adapter) -> list[Adapter]:
    """Put it back; returns what is to be closed: adapters of the account as it was, and the longest unused."""
    with _lock:
        _idle.setdefault(key, []).append(adapter)
        _idle.move_to_end(key)
        dropped = [old for other in [k for k in _idle if k[0] == key[0] and k != key] for old in _idle.pop(other)]
        while len(_idle) > MAX_IDLE:
            dropped += _idle.popitem(last=False)[1]
    return dropped


def open_adapter(row: VendorAccount) -> Adapter:
    """Make an adapter.

    Raises:
        ValueError: A certificate cannot be read.
    """
    channel = Channel(row.channel)
    vendor = VENDORS[channel]
    account = row.account(allow_private=settings.VENDOR_ALLOW_PRIVATE)
    if problem := report_url_problem(row):
        # With it the vendor would refuse every message.
        log.warning("vendor gets no address for delivery reports", channel=channel.label, problem=problem)
        account = replace(account, report_url="")
    certificate, key = vendor.certificate(account.values)
    client = HttpClient(
        HttpSettings(
            allow_private=account.allow_private,
            https_only=not account.allow_private,
            http2=vendor.http2,
            certificate=certificate,
            key=key,
            ca=account.ca,
            max_connections=vendor.connections,
        )
    )
    identity = f"{row.pk}:{row.updated_at.isoformat()}"
    return vendor.open(account, client, SharedCredential(identity))
