"""The configuration file of the device SDKs, `mps-device.json`, for download by a workspace's administrators."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404

from channels_vendor.accounts.app_values import app_values
from console.access.rights import MissingRightError, Right, scope_of
from gateway import addresses
from pushcore.channels import Platform
from pushcore.models import Workspace

FILE_NAME = "mps-device.json"


def device_configuration(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the file of a workspace for devices of the platform `?platform=`, by its name in registrations.

    It has the client key, with which any number of devices can be registered: it is for those who may see that.
    """
    scope = scope_of(request)
    workspace = get_object_or_404(scope.workspaces(), pk=pk)
    if not scope.may(Right.CONFIGURE, workspace.app_id):
        raise MissingRightError(Right.CONFIGURE)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    try:
        wanted = Platform[request.GET.get("platform", Platform.ANDROID.api_name).upper()]
    except KeyError:
        raise Http404 from None
    answer = JsonResponse(configuration_of(workspace, wanted), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    answer["Cache-Control"] = "no-store"
    return answer


def configuration_of(workspace: Workspace, platform: Platform) -> dict[str, str]:
    """Return what an SDK needs to know to register devices of a platform (`sdk/schemas/config.json`)."""
    return app_values(workspace.pk, platform) | {
        "endpoint": addresses.endpoint(platform),
        "httpEndpoint": addresses.http_url(),
        "appId": workspace.app.app_id,
        "workspaceId": workspace.workspace_id,
        "clientKey": workspace.client_key,
        "platform": platform.api_name,
    }
