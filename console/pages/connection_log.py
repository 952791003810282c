"""Connection log: what happens to one device's connection and requests, live for ten minutes from when it is started.

The page asks for its part with the entries every two seconds (`connection_log.js`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.access import audit
from console.access.rights import MissingRightError, Right, scope_of
from console.locale.zones import activate, zone_of
from console.models import AuditEntry
from gateway.cluster import connection_log as log
from pushcore.models import Device
from pushcore.storage.valkey import ValkeyDown

WHAT: dict[str, Promise] = {
    log.CONNECTED: _("Connected"),
    log.REFUSED: _("Connection refused"),
    log.ENDED: _("Connection ended"),
    log.REQUEST: _("Request answered"),
    log.PUBLISH_REFUSED: _("Publish refused"),
}
# Of the reason codes that devices meet; the protocol's document says what a device does then.
WHY: dict[tuple[str, str], Promise] = {
    (log.ENDED, ""): _("by the device, or the network failed"),
    (log.ENDED, "0x81"): _("the device sent a malformed packet"),
    (log.ENDED, "0x82"): _("the device broke the protocol"),
    (log.ENDED, "0x8B"): _("the gateway is stopping"),
    (log.ENDED, "0x8D"): _("the device was silent for 1.5 keep alives"),
    (log.ENDED, "0x8E"): _("another connection of this device took over"),
    (log.ENDED, "0x93"): _("too many requests without an answer"),
    (log.ENDED, "0x95"): _("the device sent a packet that is too large"),
    (log.ENDED, "0x97"): _("too many connections"),
    (log.ENDED, "0x98"): _("the device was removed"),
    (log.REFUSED, "0x86"): _("the secret is wrong"),
    (log.REFUSED, "0x87"): _("app or workspace is disabled, or is not the device's"),
    (log.REFUSED, "0x88"): _("the gateway is stopping, or its database is away"),
    (log.REFUSED, "0x89"): _("the gateway has as many connections as it may have"),
    (log.REFUSED, "0x97"): _("the address, app or workspace has as many connections as it may have"),
    (log.REFUSED, "0x9F"): _("the address connects too fast"),
}
_BAD = frozenset({log.REFUSED, log.PUBLISH_REFUSED})


def connection_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a device's log; POST starts it, and `?part=1` asks for the entries alone.

    The part is answered with 204 once the ten minutes are over.
    """
    scope = scope_of(request)
    devices = Device.objects.select_related("workspace__app").defer("secret_hash")
    device = get_object_or_404(devices, workspace__in=scope.workspaces(), pk=pk)
    if not scope.may(Right.PUSH, device.workspace.app_id):
        raise MissingRightError(Right.PUSH)
    if request.method == "POST":
        return _start(request, device)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    activate(zone_of(device.workspace))
    try:
        seconds_left, entries = log.seconds_left(device.ad_token), log.entries_of(device.ad_token)
    except ValkeyDown:
        seconds_left, entries = 0.0, []
    context: dict[str, Any] = {"entries": [_shown(entry) for entry in entries], "is_running": seconds_left > 0}
    if "part" in request.GET:
        if not seconds_left:
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        return TemplateResponse(request, "console/connection_log_entries.html", context)
    context |= site.each_context(request) | {"title": _("Connection log"), "device": device}
    return TemplateResponse(request, "console/connection_log.html", context)


def _start(request: HttpRequest, device: Device) -> HttpResponse:
    try:
        log.watch(device.ad_token)
    except log.TooManyWatchedError:
        messages.error(request, _("Too many devices are watched at this time. Try again in some minutes."))
    except ValkeyDown:
        messages.error(request, _("Valkey is unavailable, through which the gateway tells what happens."))
    else:
        audit.record(
            request, AuditEntry.Action.CHANGE, device, {"what": "Started the log of the device's connections."}
        )
    return redirect(request.path)


def _shown(entry: log.LoggedEvent) -> dict[str, Any]:
    return {
        "at": datetime.fromtimestamp(entry.at_ms / 1000, tz=UTC),
        "what": WHAT.get(entry.what, entry.what),
        "code": entry.code,
        "why": WHY.get((entry.what, entry.code), entry.detail),
        "is_bad": entry.what in _BAD or (entry.what == log.REQUEST and entry.code != "100"),
    }
