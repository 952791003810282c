"""Create a message in three steps: the form, the review of what it would do, the push.

Nothing is pushed without a confirmation on the review page, and a broadcast only after its number of devices was typed
there (`confirming`). A push that would reach nobody is not sent. Submitting a form twice answers with the same task:
the customer message ID (or the file) makes the push idempotent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from console.access import audit
from console.access.rights import Right, scope_of
from console.locale.zones import activate, zone_of
from console.pages.create import confirming, review
from console.pages.create.details import details
from console.pages.create.fields import ExtensionParameters
from console.pages.create.files import kept_file
from console.pages.create.forms import FORMS, AnyForm, BroadcastForm, MultipleForm, refuse
from console.pages.create.preview import preview_of
from console.pages.create.sending import SendingForm
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.models import FileImport, PushTask, Schedule, Workspace
from pushcore.push.pushes import accept
from pushcore.push.validation import validate
from pushcore.schedules import service
from pushcore.schedules.times import moments
from pushcore.storage import clock, ids

TITLES = {
    "simple": gettext_lazy("Simple push"),
    "template": gettext_lazy("Template push"),
    "multiple": gettext_lazy("Multiple push"),
    "broadcast": gettext_lazy("Broadcast push"),
}

# The review page's own fields, not part of the form that it carries in hidden fields.
_OF_THE_REVIEW = ("step", "csrfmiddlewaretoken", "devices", "counted")


@dataclass(frozen=True, slots=True)
class MessageForms:
    """The forms that make up the create page.

    Attributes:
        push: The form of the kind of push.
        parameters: The extension parameters.
        sending: When to push; None for a file, which is always pushed at once.
    """

    push: AnyForm
    parameters: ExtensionParameters
    sending: SendingForm | None

    @classmethod
    def of(
        cls, kind: str, workspace: Workspace, data: QueryDict | None, initial: dict[str, Any] | None = None
    ) -> MessageForms:
        """Build the forms for a kind of push, bound to `data` unless it is None."""
        zone = ZoneInfo(workspace.time_zone)
        return cls(
            FORMS[kind](data, initial=initial, workspace=workspace),
            ExtensionParameters(data, prefix="parameters"),
            None if kind == "multiple" else SendingForm(data, zone=zone),
        )

    def is_valid(self) -> bool:
        """Validate all forms, so that every error is shown at once."""
        forms = [form for form in (self.push, self.parameters, self.sending) if form is not None]
        answers = [form.is_valid() for form in forms]
        return all(answers)


@require_http_methods(["GET", "POST"])
def create_message(request: HttpRequest, kind: str) -> HttpResponse:
    """Show the form or take its next step.

    A POST whose `step` is "review" or "send" validates the form first; any other POST shows the form again as it was
    filled in, for instance to return from the review.
    """
    workspaces = _workspaces(request)
    _known(kind)
    workspace = _chosen(request, workspaces)
    if workspace is None:
        return _answer(request, kind, workspaces, None, None)
    data = request.POST if request.method == "POST" else None
    activate(zone_of(workspace))
    page = MessageForms.of(kind, workspace, data, initial={"template": request.GET.get("template")})
    step = request.POST.get("step", "")
    if step in ("review", "send") and page.is_valid():
        try:
            return _send(request, kind, page) if step == "send" else _review(request, kind, page)
        except ResultError as error:
            refuse(page.push, error)
    return _answer(request, kind, workspaces, workspace, page, shows_errors=bool(step and step != "edit"))


def _workspaces(request: HttpRequest) -> QuerySet[Workspace]:
    """Return the enabled workspaces the user may push in. Raises `PermissionDenied` if they may push in none at all."""
    scope = scope_of(request)
    if not scope.may(Right.PUSH):
        raise PermissionDenied
    return scope.workspaces_at_hand(Right.PUSH).filter(enabled=True, app__enabled=True)


def _known(kind: str) -> None:
    """Raise `Http404` for an unknown kind of push."""
    if kind not in FORMS:
        raise Http404


def _chosen(request: HttpRequest, workspaces: QuerySet[Workspace]) -> Workspace | None:
    """Return the workspace to push in: the named one, else the only one there is, else None."""
    named = request.POST.get("workspace") or request.GET.get("workspace") or ""
    if named:
        return workspaces.filter(pk=ids.parse(named) or 0).first()
    first = list(workspaces[:2])
    return first[0] if len(first) == 1 else None


def _answer(
    request: HttpRequest,
    kind: str,
    workspaces: QuerySet[Workspace],
    workspace: Workspace | None,
    page: MessageForms | None,
    *,
    shows_errors: bool = False,
) -> HttpResponse:
    """Render the form page; without a workspace it asks for one."""
    context = site.each_context(request) | {
        "title": _("Create a message"),
        "kind": kind,
        "kinds": list(TITLES.items()),
        "workspaces": workspaces,
        "workspace": workspace,
        "form": page and page.push,
        "parameters": page and page.parameters,
        "sending": page and page.sending,
        "shows_errors": shows_errors,
    }
    return TemplateResponse(request, "console/create/page.html", context)


def _review(request: HttpRequest, kind: str, page: MessageForms, *, refusal: str = "") -> HttpResponse:
    """Render the review page, which carries the form in hidden fields. `refusal` says why a push was not sent."""
    reach = _reach_of(page)
    params = page.parameters.as_mapping()
    hidden = [(name, value) for name, values in request.POST.lists() for value in values]
    context = site.each_context(request) | {
        "title": _("Push this message?"),
        "kind": kind,
        "details": details(page.push, page.parameters, page.sending, str(TITLES[kind])),
        "reach": reach,
        "counted": "" if reach.number_to_type is None else confirming.signed(reach.number_to_type, _identity(page)),
        "refusal": refusal,
        "is_now": page.sending is None or page.sending.strategy() is None,
        "preview": preview_of(page.push, params),
        "hidden": [pair for pair in hidden if pair[0] not in _OF_THE_REVIEW],
    }
    return TemplateResponse(request, "console/create/review.html", context)


def _reach_of(page: MessageForms) -> review.Reach:
    """Return the reach of the push, after the service's own checks.

    Raises:
        ResultError: The service would refuse the push.
    """
    params = page.parameters.as_mapping()
    workspace = page.push.workspace
    if isinstance(page.push, MultipleForm):
        file = _file(page.push)
        upload.content_of(workspace, page.push.request(params, sha256=file.sha256))
        return review.of_file(page.push, file)
    push = validate(workspace, page.push.request(params))
    strategy = page.sending.strategy() if page.sending else None
    if strategy is not None:
        moments(strategy, ZoneInfo(workspace.time_zone), clock.now())
    return review.of_push(workspace, push)


def _identity(page: MessageForms) -> tuple[object, ...]:
    """Return what a confirmation of a broadcast is tied to: its workspace, request and schedule."""
    assert isinstance(page.push, BroadcastForm)
    strategy = page.sending.strategy() if page.sending else None
    return (page.push.workspace.pk, page.push.request(page.parameters.as_mapping()), strategy)


def _why_not(request: HttpRequest, page: MessageForms) -> str:
    """Return why the confirmed push must not be sent; empty if it may."""
    given = request.POST
    if isinstance(page.push, MultipleForm):
        return _("Nobody would get this: it is not sent.") if _reach_of(page).reaches_nobody else ""
    if not isinstance(page.push, BroadcastForm):
        return ""
    if confirming.is_confirmed(given.get("devices", ""), given.get("counted", ""), _identity(page)):
        return ""
    return _("Nothing was pushed: that is not the number of devices.")


def _file(form: MultipleForm) -> FileImport:
    """Return the form's stored file. Raises `ResultError` if it has been removed since."""
    file = kept_file(form.workspace, form.cleaned_data["file"])
    if file is None:
        raise ResultError(ResultCode.NEED_FILE, _("The file is not kept any more: upload it again."))
    return file


def _send(request: HttpRequest, kind: str, page: MessageForms) -> HttpResponse:
    """Push or schedule, then redirect to the task or schedule; show the review again if the push is not confirmed."""
    refusal = _why_not(request, page)
    if refusal:
        return _review(request, kind, page, refusal=refusal)
    made = _pushed(page, request.user.get_username())
    confirmed = {"devices": request.POST.get("devices")} if isinstance(page.push, BroadcastForm) else {}
    audit.record(request, "push", made, confirmed)
    if isinstance(made, Schedule):
        messages.success(request, _("The push is scheduled: %(id)s.") % {"id": made.pk})
        return HttpResponseRedirect(reverse("admin:pushcore_schedule_change", args=[made.pk]))
    messages.success(request, _("The push was accepted: task %(id)s.") % {"id": made.pk})
    return HttpResponseRedirect(reverse("admin:pushcore_pushtask_change", args=[made.pk]))


def _pushed(page: MessageForms, author: str) -> PushTask | Schedule:
    """Hand the push to the service that takes it: file pushes, schedules, or immediate pushes."""
    form, params = page.push, page.parameters.as_mapping()
    by: dict[str, Any] = {"source": PushTask.Source.CONSOLE, "author": author}
    if isinstance(form, MultipleForm):
        file = _file(form)
        return upload.push(form.workspace, form.request(params, sha256=file.sha256), file, **by)
    strategy = page.sending.strategy() if page.sending else None
    if strategy is not None:
        return service.create(form.workspace, form.request(params), strategy, **by)
    return accept(form.workspace, form.request(params), **by)


@require_POST
def preview_message(request: HttpRequest, kind: str) -> JsonResponse:
    """Answer with the preview of the form as JSON (`preview.Preview`), however much of it is filled in."""
    _known(kind)
    workspace = _chosen(request, _workspaces(request))
    if workspace is None:
        raise Http404
    page = MessageForms.of(kind, workspace, request.POST)
    params = page.parameters.as_mapping() if page.parameters.is_valid() else {}
    return JsonResponse(asdict(preview_of(page.push, params)))
