"""Create a message in three steps: the form, the review of what it would do, the push.

Nothing is pushed without a confirmation on the review page, and a broadcast or a push to a segment only after its
number of devices was typed there (`confirming`). A push that would reach nobody is not sent. Submitting a form twice
answers with the same task: the customer message ID (or the file) makes the push idempotent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from channels_vendor.accounts import in_use
from console.access import audit
from console.locale.zones import activate, zone_of
from console.models import AuditEntry, Draft
from console.pages.create import confirming, drafts, review, testing
from console.pages.create.details import details
from console.pages.create.duplicating import copy_of
from console.pages.create.files import kept_file
from console.pages.create.forms import AudienceForm, BroadcastForm, MultipleForm
from console.pages.create.message_forms import MessageForms, pairs
from console.pages.create.preview import channel_choices, preview_of
from console.pages.create.scope import known_kind, workspaces_at_hand, workspaces_to_push_in
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
    "audience": gettext_lazy("Push to a segment"),
}

# The preview draws the images that the message names, wherever they are. No other page may load any from elsewhere.
# (The decorator's own type is of views without arguments.)
_with_images: Any = csp_update({"img-src": ["https:"]})


@dataclass(frozen=True, slots=True)
class Start:
    """What the page begins with.

    Attributes:
        workspace: The workspace to push in; None if it is still to be chosen.
        typed: What the fields are filled in with.
        notes: What the operator has to know about it.
        is_new: Nothing is filled in, so that drafts are offered.
    """

    workspace: Workspace | None
    typed: QueryDict = field(default_factory=QueryDict)
    notes: list[str] = field(default_factory=list)
    is_new: bool = False


@_with_images
@require_http_methods(["GET", "POST"])
def create_message(request: HttpRequest, kind: str) -> HttpResponse:
    """Show the form or take its next step.

    A POST whose `step` is "review" or "send" validates the form first; any other POST shows the form again as it was
    filled in, for instance for another kind of push or to return from the review.
    """
    workspaces = list(workspaces_at_hand(request))
    known_kind(kind)
    start = _start(request)
    workspace = start.workspace
    if workspace is None:
        return _answer(request, kind, workspaces, start, None)
    if workspace not in workspaces:
        workspaces.append(workspace)
    activate(zone_of(workspace))
    step = request.POST.get("step", "")
    if step not in ("review", "send"):
        return _answer(request, kind, workspaces, start, MessageForms.filled(kind, workspace, start.typed))
    page = MessageForms.submitted(kind, workspace, request.POST)
    if page.is_valid():
        try:
            return _send(request, kind, page) if step == "send" else _review(request, kind, page)
        except ResultError as error:
            page.refuse(error)
    return _answer(request, kind, workspaces, start, page, shows_errors=True)


def _start(request: HttpRequest) -> Start:
    """Return what the page begins with: what was submitted, a draft (`?draft=`), a copy (`?from=`) or nothing.

    Raises:
        Http404: The draft or the push to copy does not exist for the user.
    """
    if request.method == "POST":
        return Start(_chosen(request), request.POST)
    if "draft" in request.GET:
        return _of_draft(request)
    if "from" in request.GET:
        return _of_task(request)
    typed = QueryDict(mutable=True)
    for name in ("template", "segment"):
        if name in request.GET:
            typed[name] = request.GET[name]
    return Start(_chosen(request), typed, is_new=not typed)


def _of_draft(request: HttpRequest) -> Start:
    assert request.user.is_authenticated
    mine = Draft.objects.filter(user_id=request.user.pk, workspace__in=workspaces_to_push_in(request))
    draft = get_object_or_404(mine.select_related("workspace__app"), key=drafts.key_of(request.GET["draft"]))
    typed, notes = drafts.typed_of(draft), []
    file = typed.get("file")
    if file and kept_file(draft.workspace, file) is None:
        typed["file"] = typed["file_name"] = ""
        notes.append(_("The file is not kept any more. Upload it again."))
    return Start(draft.workspace, typed, notes)


def _of_task(request: HttpRequest) -> Start:
    tasks = PushTask.objects.filter(workspace__in=workspaces_to_push_in(request)).exclude(kind=PushTask.Kind.REVOKE)
    task = get_object_or_404(tasks.select_related("workspace__app"), pk=ids.parse(request.GET["from"]) or 0)
    copied = copy_of(task)
    return Start(task.workspace, copied.typed, copied.notes)


def _chosen(request: HttpRequest) -> Workspace | None:
    """Return the workspace to push in: the named one, else the only one there is, else None."""
    named = request.POST.get("workspace") or request.GET.get("workspace") or ""
    if named:
        return workspaces_to_push_in(request).filter(pk=ids.parse(named) or 0).first()
    first = list(workspaces_at_hand(request)[:2])
    return first[0] if len(first) == 1 else None


def _answer(
    request: HttpRequest,
    kind: str,
    workspaces: Sequence[Workspace],
    start: Start,
    page: MessageForms | None,
    *,
    shows_errors: bool = False,
) -> HttpResponse:
    """Render the form page; without a workspace it asks for one."""
    assert request.user.is_authenticated
    workspace = start.workspace
    context: dict[str, Any] = site.each_context(request) | {
        "title": _("Create a message"),
        "kind": kind,
        "kinds": list(TITLES.items()),
        "workspaces": workspaces,
        "workspace": workspace,
        "notes": start.notes,
        "shows_errors": shows_errors,
        "max_megabytes": settings.MAX_FILE_BYTES / 2**20,
        "form": None,
    }
    if page is not None:
        assert workspace is not None
        context |= {
            "form": page.push,
            "parameters": page.parameters,
            "sending": page.sending,
            "carried": page.carried(start.typed),
            "draft": drafts.key_of(start.typed.get("draft")) or drafts.new_key(),
            "channel_choices": channel_choices(workspace),
            "test_devices": testing.of_workspace(workspace),
            "drafts": drafts.of_user(request.user.pk, workspace) if start.is_new else (),
        }
    return TemplateResponse(request, "console/create/page.html", context)


def _review(request: HttpRequest, kind: str, page: MessageForms, *, refusal: str = "") -> HttpResponse:
    """Render the review page, which carries the form in hidden fields. `refusal` says why a push was not sent."""
    assert request.user.is_authenticated
    reach = _reach_of(page)
    drafts.save(request.user.pk, page.push.workspace, kind, request.POST)
    preview = preview_of(page.push, page.parameters.as_mapping())
    context = site.each_context(request) | {
        "title": _("Push this message?"),
        "kind": kind,
        "workspace": page.push.workspace,
        "draft": request.POST.get("draft", ""),
        "details": details(page.push, page.parameters, page.sending, str(TITLES[kind])),
        "audience": review.audience_of(page.push),
        "reach": reach,
        "counted": "" if reach.number_to_type is None else confirming.signed(reach.number_to_type, _identity(page)),
        "refusal": refusal,
        "is_now": page.sending.strategy() is None,
        "preview": preview,
        "remarks": preview.remarks(in_use.channels_of(page.push.workspace.pk)),
        "hidden": pairs(request.POST),
    }
    return TemplateResponse(request, "console/create/review.html", context)


def _reach_of(page: MessageForms) -> review.Reach:
    """Return the reach of the push, after the service's own checks.

    Raises:
        ResultError: The service would refuse the push.
    """
    params = page.parameters.as_mapping()
    workspace = page.push.workspace
    strategy = page.sending.strategy()
    if strategy is not None:
        moments(strategy, ZoneInfo(workspace.time_zone), clock.now())
    if isinstance(page.push, MultipleForm):
        file = _file(page.push)
        upload.content_of(workspace, page.push.request(params, sha256=file.sha256))
        return review.of_file(page.push, file)
    return review.of_push(workspace, validate(workspace, page.push.request(params)))


def _identity(page: MessageForms) -> tuple[object, ...]:
    """Return what a confirmation by number is tied to: the push's workspace, request and schedule."""
    assert isinstance(page.push, BroadcastForm | AudienceForm)
    return page.push.workspace.pk, page.push.request(page.parameters.as_mapping()), page.sending.strategy()


def _why_not(request: HttpRequest, page: MessageForms) -> str:
    """Return why the confirmed push must not be sent; empty if it may."""
    given = request.POST
    if isinstance(page.push, MultipleForm):
        return _("Nobody would get this: it is not sent.") if _reach_of(page).reaches_nobody else ""
    if not isinstance(page.push, BroadcastForm | AudienceForm):
        return ""
    if confirming.is_confirmed(given.get("devices", ""), given.get("counted", ""), _identity(page)):
        return ""
    return _("Nothing was pushed: that is not the number of devices.")


def _file(form: MultipleForm) -> FileImport:
    """Return the form's stored file. Raises `ResultError` if it has been removed since."""
    file = kept_file(form.workspace, form.cleaned_data["file"])
    if file is None:
        raise ResultError(ResultCode.INVALID_PARAM, parameter="file")
    return file


def _send(request: HttpRequest, kind: str, page: MessageForms) -> HttpResponse:
    """Push or schedule, then redirect to the task or schedule; show the review again if the push is not confirmed."""
    assert request.user.is_authenticated
    refusal = _why_not(request, page)
    if refusal:
        return _review(request, kind, page, refusal=refusal)
    made = _pushed(page, request.user.get_username())
    confirmed = {"devices": request.POST.get("devices")} if isinstance(page.push, BroadcastForm | AudienceForm) else {}
    audit.record(request, AuditEntry.Action.PUSH, made, confirmed)
    drafts.discard(request.user.pk, request.POST.get("draft"))
    if isinstance(made, Schedule):
        messages.success(request, _("The push is scheduled: %(id)s.") % {"id": made.pk})
        return HttpResponseRedirect(reverse("admin:pushcore_schedule_change", args=[made.pk]))
    messages.success(request, _("The push was accepted: task %(id)s.") % {"id": made.pk})
    return HttpResponseRedirect(reverse("admin:pushcore_pushtask_change", args=[made.pk]))


def _pushed(page: MessageForms, author: str) -> PushTask | Schedule:
    """Hand the push to the service that takes it: schedules, file pushes, or immediate pushes."""
    form, params = page.push, page.parameters.as_mapping()
    by: dict[str, Any] = {"source": PushTask.Source.CONSOLE, "author": author}
    strategy = page.sending.strategy()
    if isinstance(form, MultipleForm):
        file = _file(form)
        request = form.request(params, sha256=file.sha256)
        if strategy is not None:
            return service.create_of_file(form.workspace, request, file, strategy, **by)
        return upload.push(form.workspace, request, file, **by)
    if strategy is not None:
        return service.create(form.workspace, form.request(params), strategy, **by)
    return accept(form.workspace, form.request(params), **by)


@require_POST
def preview_message(request: HttpRequest, kind: str) -> JsonResponse:
    """Answer with the preview of the form as JSON (`preview.Preview`), however much of it is filled in."""
    known_kind(kind)
    workspace = _chosen(request)
    if workspace is None:
        raise Http404
    page = MessageForms.submitted(kind, workspace, request.POST)
    params = page.parameters.as_mapping() if page.parameters.is_valid() else {}
    return JsonResponse(asdict(preview_of(page.push, params)))
