"""The page on which a template is made, duplicated (`?from=`) or gets a new version, with the preview of pushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from console.access.rights import Right, scope_of
from console.pages.create.preview import Example, Preview, channel_choices, preview_of_content
from console.pages.templates.forms import TemplateForm
from pushcore.codes.results import ResultError
from pushcore.models import Template, Workspace
from pushcore.push import content, template_versions, templates
from pushcore.push.requests import TemplatePush
from pushcore.storage import ids

# Told when a template was saved: the template as it stands.
Saved = Callable[[Template], None]


def new_template(request: HttpRequest, model_admin: ModelAdmin[Template], saved: Saved) -> HttpResponse:
    """Show the form of a new template, a copy of the one named by `from`; make it when it is submitted."""
    source = _source(request)
    workspaces = scope_of(request).workspaces(Right.PUSH).order_by("app__app_id", "workspace_id")
    if request.method == "POST":
        form = TemplateForm(request.POST, source=source, workspaces=workspaces)
        if form.is_valid():
            made = _create(request, form)
            if made is not None:
                saved(made)
                messages.success(request, _("The template %(name)s was created.") % {"name": made.name})
                return HttpResponseRedirect(reverse("admin:pushcore_template_changelist"))
    else:
        form = TemplateForm(initial=_initial(request, source), source=source, workspaces=workspaces)
    title = _("Duplicate %(name)s") % {"name": source.name} if source else _("Create a template")
    return _answer(request, model_admin, form, {"title": title, "source": source})


def edit_template(
    request: HttpRequest, model_admin: ModelAdmin[Template], template: Template, saved: Saved
) -> HttpResponse:
    """Show the form of a new version of a template; save it when it is submitted, unless it says nothing new."""
    own_page = reverse("admin:pushcore_template_change", args=[template.pk])
    if request.method == "POST":
        form = TemplateForm(request.POST, source=template, name=template.name)
        if form.is_valid():
            based_on = ids.parse(request.POST.get("version", "")) or 0
            try:
                made = template_versions.revise(
                    template, form.draft(form.cleaned_data), based_on=based_on, author=_author(request)
                )
            except ResultError as error:
                form.refuse(error)
            else:
                if made.version == template.version:
                    messages.info(request, _("Nothing was changed."))
                else:
                    saved(made)
                    messages.success(request, _("Version %(version)s was saved.") % {"version": made.version})
                return HttpResponseRedirect(own_page)
    else:
        form = TemplateForm(source=template, name=template.name)
    title = _("Edit %(name)s") % {"name": template.name}
    return _answer(request, model_admin, form, {"title": title, "template": template, "back": own_page})


@require_POST
def preview_template(request: HttpRequest) -> JsonResponse:
    """Answer with the preview of the form as JSON, however much of it is filled in.

    Without a workspace in it that of the first is shown.

    Raises:
        Http404: The user may push in no workspace, or not in the one named.
    """
    workspaces = scope_of(request).workspaces(Right.PUSH)
    number = ids.parse(request.POST.get("workspace", ""))
    workspace = (workspaces if number is None else workspaces.filter(pk=number)).order_by("pk").first()
    if workspace is None:
        raise Http404
    form = TemplateForm(request.POST, source=_source(request), name=request.POST.get("template", ""))
    form.is_valid()
    template = templates.unsaved(workspace, form.draft(form.cleaned_data))
    return JsonResponse(asdict(preview_of_template(workspace, template)))


def preview_of_template(workspace: Workspace, template: Template) -> Preview:
    """Return what devices would get of a template, with its placeholders in it."""
    request = TemplatePush(delivery_type=0, expired_seconds=0, template_name=template.name, target_msgkey={})
    made = content.as_it_stands(template, request)
    preview = preview_of_content(workspace, made, Example(), has_template=False)
    return replace(preview, placeholders=sorted(templates.placeholder_names(template)))


def _create(request: HttpRequest, form: TemplateForm) -> Template | None:
    """Make the template of a valid form; None where the service refuses it, and the form says why."""
    given = form.cleaned_data
    try:
        return templates.create(given["workspace"], form.draft(given), author=_author(request))
    except ResultError as error:
        form.refuse(error)
        return None


def _source(request: HttpRequest) -> Template | None:
    """Return the template to begin with: the one named by `from`, if the user may see it.

    Raises:
        Http404: There is no such template for the user.
    """
    named = request.POST.get("from") or request.GET.get("from")
    if not named:
        return None
    mine = Template.objects.filter(workspace__in=scope_of(request).workspaces())
    found = mine.filter(pk=ids.parse(named) or 0).select_related("workspace__app").first()
    if found is None:
        raise Http404
    return found


def _initial(request: HttpRequest, source: Template | None) -> dict[str, Any]:
    """Return the workspace to begin with, and a name for a copy that is not taken yet."""
    if source is None:
        at_hand = list(scope_of(request).workspaces_at_hand(Right.PUSH)[:2])
        return {"workspace": at_hand[0].pk} if len(at_hand) == 1 else {}
    taken = set(templates.of_workspace(source.workspace).values_list("name", flat=True))
    numbers = range(1, templates.MAX_TEMPLATES + 2)
    names = (f"{source.name}_copy{number if number > 1 else ''}" for number in numbers)
    return {
        "workspace": source.workspace_id,
        "name": next(name for name in names if name not in taken)[: templates.MAX_LENGTH],
    }


def _answer(
    request: HttpRequest, model_admin: ModelAdmin[Template], form: TemplateForm, context: dict[str, Any]
) -> HttpResponse:
    """Render the page."""
    template: Template | None = context.get("template")
    workspaces = scope_of(request).workspaces(Right.PUSH)
    workspace = template.workspace if template else workspaces.order_by("pk").first()
    shown = site.each_context(request) | {
        "opts": model_admin.opts,
        "original": template,
        "form": form,
        "workspace": workspace,
        "channel_choices": channel_choices(workspace) if workspace else [],
        "back": reverse("admin:pushcore_template_changelist"),
    }
    return TemplateResponse(request, "console/template_form.html", shown | context)


def _author(request: HttpRequest) -> str:
    assert request.user.is_authenticated
    return request.user.get_username()
