"""Device simulator: a page that acts as a device and connects to the gateway by WebSocket like any other.

Each operator has one simulated device a workspace. The page never sees the workspace's client key: the server registers
the device and hands the page only that device's own secret, renewed each time it is switched on.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.admin import site
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from console.access import audit
from console.access.rights import MissingRightError, Right, scope_of
from console.models import AuditEntry, SimulatedDevice
from console.pages.create.explanations import explain
from pushcore.codes.results import ResultError
from pushcore.devices import info, registry
from pushcore.models import PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.pushes import accept
from pushcore.push.requests import SimplePush
from pushcore.storage import ids

DEVICE_INFO = info.DeviceInfo(manufacturer="Simulator", model="Browser", os_version="14", app_version="1.0")
TEST_VALID_SECONDS = 600


@require_GET
def device_simulator(request: HttpRequest) -> HttpResponse:
    """Show the page; `?workspace=` chooses one of the workspaces the user may push in."""
    if not scope_of(request).may(Right.PUSH):
        raise MissingRightError(Right.PUSH)
    workspaces = list(_workspaces(request))
    at_hand = scope_of(request).chosen
    wanted = request.GET.get("workspace") or (str(at_hand) if at_hand in {one.pk for one in workspaces} else None)
    chosen = next((one for one in workspaces if str(one.pk) == wanted), None)
    if wanted and chosen is None:
        raise Http404
    context = site.each_context(request) | {
        "title": _("Device simulator"),
        "workspaces": workspaces,
        "workspace": chosen or (workspaces[0] if workspaces else None),
        "gateway_url": gateway_url(secure=request.is_secure()),
    }
    return TemplateResponse(request, "console/device_simulator.html", context)


@require_POST
def switch_on(request: HttpRequest) -> JsonResponse:
    """Register the user's device in the workspace or renew its secret, and answer with what the page connects with."""
    assert request.user.is_authenticated
    workspace = _workspace(request)
    ad_token, secret = own_device(request.user.pk, workspace)
    audit.record(request, AuditEntry.Action.CHANGE, workspace, {"what": "Switched on a simulated device."})
    app_id, workspace_id = workspace.app.app_id, workspace.workspace_id
    return JsonResponse({"adToken": ad_token, "secret": secret, "appId": app_id, "workspaceId": workspace_id})


@require_POST
def push_to_simulator(request: HttpRequest) -> JsonResponse:
    """Push a test message to the user's own simulated device."""
    workspace = _workspace(request)
    own = SimulatedDevice.objects.filter(user=request.user.pk, workspace=workspace).first()
    if own is None:
        raise Http404
    push = SimplePush(
        task_name="Device simulator",
        title="Hello",
        content=f"A test message from {request.user.get_username()}",
        delivery_type=DeliveryType.ANDROID,
        target_msgkey={own.ad_token: f"simulator_{secrets.token_hex(16)}"},
        expired_seconds=TEST_VALID_SECONDS,
        android_channel=1,
    )
    try:
        task = accept(workspace, push, source=PushTask.Source.CONSOLE, author=request.user.get_username())
    except ResultError as error:
        return JsonResponse({"error": str(explain(error).sentence)}, status=400)
    audit.record(request, AuditEntry.Action.PUSH, task)
    return JsonResponse({"task": str(task.pk)})


def own_device(user_id: int, workspace: Workspace) -> tuple[str, str]:
    """Return the Ad-token and a new secret of the user's device in the workspace, registering it if there is none."""
    with transaction.atomic():
        own, _ = SimulatedDevice.objects.select_for_update().get_or_create(user_id=user_id, workspace=workspace)
        secret = registry.renew_secret(workspace, own.ad_token) if own.ad_token else None
        if secret is None:
            known, secret = registry.register([(workspace, DEVICE_INFO)])[0]
            own.ad_token = known.ad_token
            own.save(update_fields=["ad_token"])
        return own.ad_token, secret


def gateway_url(*, secure: bool) -> str:
    """Return the address of the gateway's WebSocket.

    A page served over https may open `wss:` only. Without a TLS port of the gateway, a proxy has to serve it.
    """
    scheme, port = ("wss", settings.WS_TLS_PORT or settings.WS_PORT) if secure else ("ws", settings.WS_PORT)
    return f"{scheme}://{settings.PUBLIC_HOST}:{port}/gateway/mqtt"


def _workspaces(request: HttpRequest) -> Any:
    """Return the enabled workspaces, of enabled apps, in which the user may push."""
    usable = scope_of(request).workspaces(Right.PUSH).filter(enabled=True, app__enabled=True)
    return usable.order_by("app__app_id", "workspace_id")


def _workspace(request: HttpRequest) -> Workspace:
    """Return the workspace named in the form, or raise `Http404` if the user may not push in it."""
    found: Workspace | None = _workspaces(request).filter(pk=ids.parse(request.POST.get("workspace", "")) or 0).first()
    if found is None:
        raise Http404
    return found
