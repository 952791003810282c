"""Push the message as it stands to test devices, before anybody else gets it; the page stays open.

A test is a push of its own: its name says that it is one, and it goes to the chosen devices in place of the target, at
once. The fields that a test does without (target, message ID, file, schedule) may be missing or wrong.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from console.access import audit
from console.models import AuditEntry, TestDevice
from console.pages.create.explanations import explain
from console.pages.create.files import inspect_kept_file, kept_file
from console.pages.create.forms import ContentForm, MultipleForm
from console.pages.create.message_forms import MessageForms
from console.pages.create.scope import known_kind, workspace_or_404
from pushcore.codes.results import ResultError
from pushcore.models import PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate, limits, recipients, templates
from pushcore.push.pushes import accept
from pushcore.push.requests import SimplePush, TemplatePush
from pushcore.push.templates import Rendered
from pushcore.storage import ids

# Of a workspace.
MAX_TEST_DEVICES = 20
# The form's fields that a test does without.
_NOT_NEEDED = frozenset(
    {"target", "target_type", "platform", "segment", "msgkey", "file", "login_status", "logout_period"}
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A test push, as the page tells of it.

    Attributes:
        task: The task's id.
        address: The page of the task.
        text: Who gets it, in a sentence.
    """

    task: str
    address: str
    text: str


def of_workspace(workspace: Workspace) -> QuerySet[TestDevice]:
    """Return the workspace's test devices by name."""
    return TestDevice.objects.filter(workspace=workspace).order_by("name", "pk")


def errors_of(page: MessageForms) -> list[str]:
    """Return what keeps submitted forms from being pushed as a test, a sentence each with the field's label."""
    page.push.is_valid()
    page.parameters.is_valid()
    found = [
        f"{page.push.fields[name].label}: {error}"
        for name, errors in page.push.errors.items()
        if name in page.push.fields and name not in _NOT_NEEDED
        for error in errors
    ]
    rows = [error for row in page.parameters.errors for errors in row.values() for error in errors]
    return found + [str(error) for error in [*rows, *page.parameters.non_form_errors()]]


def push_to(page: MessageForms, devices: Sequence[TestDevice], author: str) -> list[PushTask]:
    """Push the message of forms without `errors_of` to test devices; one push for each kind of target and ten targets.

    Raises:
        ResultError: The service refuses the first of them.
    """
    pushed = []
    ordered = sorted(devices, key=lambda one: one.delivery_type)
    for number, group in groupby(ordered, key=lambda one: one.delivery_type):
        targets = [one.target for one in group]
        for first in range(0, len(targets), recipients.MAX_TARGETS):
            request = _request(page, DeliveryType(number), targets[first : first + recipients.MAX_TARGETS])
            pushed.append(accept(page.push.workspace, request, source=PushTask.Source.CONSOLE, author=author))
    return pushed


def _request(page: MessageForms, delivery_type: DeliveryType, targets: Sequence[str]) -> SimplePush | TemplatePush:
    form, given = page.push, page.push.cleaned_data
    template: Any = given.get("template")
    common: dict[str, Any] = {
        "delivery_type": delivery_type,
        "task_name": _("Test: %(name)s") % {"name": given["task_name"] or given.get("title") or template},
        "target_msgkey": {target: f"test_{secrets.token_hex(16)}" for target in targets},
        "expired_seconds": given["valid_seconds"],
        "extended_params": page.parameters.as_mapping(),
        "android_channel": form.channel(delivery_type, silent=bool(template and template.silent)),
    }
    common["task_name"] = common["task_name"][: limits.MAX_TASK_NAME_LENGTH]
    if isinstance(form, ContentForm):
        return SimplePush(**common, **form.content())
    return TemplatePush(**common, template_name=template.name, template_key_value=_values(page))


def _values(page: MessageForms) -> Mapping[str, str]:
    """Return the placeholders' values; for a file those of its first record, as far as its texts show them."""
    form = page.push
    assert not isinstance(form, ContentForm)
    if not isinstance(form, MultipleForm):
        return form.values(form.cleaned_data)
    template = form.cleaned_data["template"]
    values = {name: f"#{name}#" for name in templates.placeholder_names(template)}
    file = kept_file(form.workspace, str(form.cleaned_data.get("file", "")))
    records = inspect_kept_file(form, file)[0].first_records if file is not None else ()
    if not records:
        return values
    return values | templates.values_of(template, Rendered(records[0].title, records[0].body, ""))


def _told(workspace: Workspace, task: PushTask, names: Mapping[tuple[int, str], str]) -> Sent:
    """Return what the page tells of a test push."""
    targets = list(dict.fromkeys(task.own_messages().order_by("pk").values_list("target", flat=True)))
    reached = audience_estimate.of_targets(workspace, DeliveryType(task.delivery_type), targets)
    who = ", ".join(names.get((task.delivery_type, target), target) for target in targets)
    text = _("Pushed to %(names)s; devices reached now: %(count)s.") % {"names": who, "count": reached}
    return Sent(str(task.pk), reverse("admin:pushcore_pushtask_change", args=[task.pk]), text)


@require_POST
def push_test(request: HttpRequest, kind: str) -> JsonResponse:
    """Push the submitted form to the test devices in `test_devices`; answers {"sent": [...]} or {"errors": [...]}."""
    known_kind(kind)
    workspace = workspace_or_404(request, request.POST.get("workspace", ""))
    wanted = [ids.parse(number) or 0 for number in request.POST.getlist("test_devices")[:MAX_TEST_DEVICES]]
    devices = list(of_workspace(workspace).filter(pk__in=wanted))
    page = MessageForms.submitted(kind, workspace, request.POST)
    errors = errors_of(page)
    if not devices:
        errors.append(_("Select a test device."))
    if errors:
        return JsonResponse({"errors": errors})
    try:
        pushed = push_to(page, devices, request.user.get_username())
    except ResultError as error:
        return JsonResponse({"errors": [str(explain(error).sentence)]})
    names = {(one.delivery_type, one.target): one.name for one in devices}
    for task in pushed:
        audit.record(request, AuditEntry.Action.TEST, task, {"what": "Pushed to test devices."})
    return JsonResponse({"sent": [asdict(_told(workspace, task, names)) for task in pushed]})
