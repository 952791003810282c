"""The set-up of a new workspace: what is done, and what is next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from channels_vendor.models import VendorAccount
from console.access.rights import Right, Scope, scope_of
from console.admins import workspace_sections
from console.models import SetupDismissal
from console.pages.home.counting import in_time
from pushcore.models import AccessKey, Device, PushTask, Receipt, RsaKey, Workspace
from pushcore.storage import ids


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step of the set-up: what it is, whether it is done, and where it is done."""

    title: str
    done: bool
    link: str


@dataclass(frozen=True, slots=True)
class Setup:
    """The steps of a workspace, in the order they are usually done."""

    workspace: Workspace
    steps: list[SetupStep]


def setup_steps(scope: Scope) -> Setup | None:
    """Return the set-up of the workspace in view.

    Returns:
        None where several are in view, the user may not configure it, all is done, or somebody dismissed the list.
    """
    if scope.only is None:
        return None
    workspace = scope.workspaces(Right.CONFIGURE).filter(pk=scope.only).first()
    if workspace is None or SetupDismissal.objects.filter(workspace=workspace).exists():
        return None
    steps: list[SetupStep] | None = in_time(lambda: _steps(workspace))
    if not steps or all(step.done for step in steps):
        return None
    return Setup(workspace, steps)


def _steps(workspace: Workspace) -> list[SetupStep]:
    def exists(rows: Any) -> bool:
        return bool(rows.exists())

    has_key = exists(AccessKey.objects.filter(workspaces=workspace, enabled=True)) or exists(
        RsaKey.objects.filter(workspace=workspace, purpose=RsaKey.Purpose.API, active=True)
    )
    return [
        SetupStep(
            _("A device has connected"),
            exists(Device.objects.filter(workspace=workspace)),
            reverse("admin:device_simulator"),
        ),
        SetupStep(_("Your backend has a key"), has_key, reverse("admin:pushcore_accesskey_changelist")),
        SetupStep(
            _("A vendor's channel is set up"),
            exists(VendorAccount.objects.filter(workspace=workspace, enabled=True)),
            reverse("admin:channels"),
        ),
        SetupStep(
            _("Something was pushed"),
            exists(PushTask.objects.filter(workspace=workspace)),
            reverse("admin:create_message", args=["simple"]),
        ),
        SetupStep(
            _("Your backend has got a receipt"),
            exists(Receipt.objects.filter(workspace=workspace, state=Receipt.State.DELIVERED)),
            workspace_sections.address(workspace.pk, workspace_sections.CALLBACK),
        ),
    ]


@require_POST
def dismiss_setup(request: HttpRequest) -> HttpResponse:
    """Hide the set-up of a workspace for everybody.

    Raises:
        Http404: The workspace is not one the user may configure.
    """
    mine = scope_of(request).workspaces(Right.CONFIGURE)
    workspace = mine.filter(pk=ids.parse(request.POST.get("workspace", "")) or 0).first()
    if workspace is None:
        raise Http404
    SetupDismissal.objects.get_or_create(workspace=workspace)
    return HttpResponseRedirect(reverse("admin:index"))
