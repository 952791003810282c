"""Simple push: a message to one user or device, by hand (source document, 6.1.1)."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from console import audit
from console.access import Right, scope_of
from console.admins.push_tasks import messages_of
from console.pages.simple_push_form import ExtensionParameters, SimplePushForm
from pushcore.codes.results import ResultError
from pushcore.models import PushTask, Workspace
from pushcore.push import accept


@require_http_methods(["GET", "POST"])
def simple_push(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST push, and lead to the task's messages.

    Sent twice, the form answers with the same task: its customer message ID makes the push idempotent.
    """
    scope = scope_of(request)
    if not scope.may(Right.PUSH):
        raise PermissionDenied
    workspaces = scope.workspaces_at_hand(Right.PUSH).filter(enabled=True, app__enabled=True)
    data = request.POST if request.method == "POST" else None
    form = SimplePushForm(data, workspaces=workspaces)
    parameters = ExtensionParameters(data, prefix="parameters")
    if data is not None and form.is_valid() and parameters.is_valid():
        workspace: Workspace = form.cleaned_data["workspace"]
        try:
            task = accept(
                workspace,
                form.request(parameters.as_mapping()),
                source=PushTask.Source.CONSOLE,
                author=request.user.get_username(),
            )
        except ResultError as error:
            form.refuse(error)
        else:
            audit.record(request, "push", task)
            messages.success(request, f"The push was accepted: task {task.pk}.")
            return HttpResponseRedirect(messages_of(task.pk))
    context = site.each_context(request) | {"title": "Simple push", "form": form, "parameters": parameters}
    return TemplateResponse(request, "console/simple_push.html", context)
