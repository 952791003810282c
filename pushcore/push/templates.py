"""Templates: created, listed, deleted; and rendered for a push. Their versions: `pushcore.push.template_versions`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from pushcore.categories import catalog
from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbound import decoding
from pushcore.models import Occurrence, Schedule, Template, TemplateContent, Workspace
from pushcore.push import limits, placeholders
from pushcore.push.placeholders import Pattern
from pushcore.storage import clock

MAX_TEMPLATES = 1000
MAX_LENGTH = 200
_NAME = re.compile(r"[A-Za-z0-9_]{1,200}")
# A list written as JSON would be taken for names that stand nowhere: its brackets and quotes are no part of one.
_VARIABLE = r'[^#"\[\]\r\n]{1,%d}' % placeholders.MAX_NAME  # noqa: UP031 - braces
MAX_VARIABLES = 100
# Why a text of which its values leave nothing is refused.
EMPTIED = "with these values nothing is left of it"


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template that is to be created.

    Attributes:
        icon: URLs by channel.
        image: URLs by channel.
        variables: The names of its placeholders; None where they are what looks like names
            (`pushcore.push.placeholders`).
        message_category: Of pushes by it that name none; empty for none.
    """

    name: str
    description: str
    title: str
    body: str
    silent: int = 0
    style: int = 0
    action: int = 0
    uri: str = ""
    icon: Mapping[str, str] = field(default_factory=dict)
    image: Mapping[str, str] = field(default_factory=dict)
    variables: Sequence[str] | None = None
    message_category: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of a template with its placeholders filled in."""

    title: str
    content: str
    uri: str


def create(workspace: Workspace, draft: TemplateDraft, *, author: str = "") -> Template:
    """Create a template, in its first version.

    Args:
        workspace: Where it belongs.
        draft: What it says.
        author: Who creates it: an AccessKey ID or an operator.

    Raises:
        ResultError: The TEMPLATE_* code of what is wrong with it; MESSAGE_CATEGORY_NOT_EXIST.
    """
    check(draft)
    check_category(workspace, draft)
    with transaction.atomic():
        # The workspace's row serialises the count and the check of the name.
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        mine = Template.objects.filter(workspace=workspace)
        if mine.filter(name=draft.name).exists():
            raise ResultError(ResultCode.TEMPLATE_ALREADY_EXIST, draft.name)
        if mine.count() >= MAX_TEMPLATES:
            raise ResultError(ResultCode.TEMPLATE_NUM_TOO_MUCH, f"at most {MAX_TEMPLATES} in a workspace")
        template = unsaved(workspace, draft, author=author)
        template.save(force_insert=True)
        return template


def unsaved(workspace: Workspace, draft: TemplateDraft, *, author: str = "") -> Template:
    """Return the template that a draft would make, without saving or checking it."""
    template = Template(workspace=workspace, name=draft.name)
    fill(template, draft, author=author)
    template.created_at = template.saved_at
    return template


def fill(content: TemplateContent, draft: TemplateDraft, *, author: str) -> None:
    """Give a template the content of a draft, without saving it."""
    content.description = draft.description
    content.silent = bool(draft.silent)
    content.style = draft.style
    content.title = draft.title
    content.body = draft.body
    content.action = draft.action
    content.uri = draft.uri
    content.icon = dict(draft.icon)
    content.image = dict(draft.image)
    content.variables = names_of(draft)
    content.message_category = draft.message_category
    content.saved_at = clock.now()
    content.saved_by = author[:150]


def draft_of(content: TemplateContent, name: str) -> TemplateDraft:
    """Return the draft that would make a template of this name with the same content."""
    return TemplateDraft(
        name=name,
        description=content.description,
        title=content.title,
        body=content.body,
        silent=int(content.silent),
        style=content.style,
        action=content.action,
        uri=content.uri,
        icon=content.icon,
        image=content.image,
        variables=content.variables,
        message_category=content.message_category,
    )


def names_of(draft: TemplateDraft) -> list[str]:
    """Return the names of the draft's placeholders, in alphabetical order."""
    texts = (draft.title, draft.body, draft.uri)
    return sorted({name for text in texts for name in placeholders.names_of(text, draft.variables)})


def check(draft: TemplateDraft) -> None:
    """Check the limits of a template (source document, 6.5.1).

    Raises:
        ResultError: The code of the first that it breaks.
    """
    if not draft.name.strip():
        raise ResultError(ResultCode.TEMPLATE_NAME_NULL)
    if not _NAME.fullmatch(draft.name):
        raise ResultError(ResultCode.TEMPLATE_NAME_INVALID, "1 to 200 letters, digits and underscores")
    for value, result in (
        (draft.description, ResultCode.TEMPLATE_DESC_INFO_INVALID),
        (draft.title, ResultCode.TEMPLATE_TITLE_INVALID),
        (draft.body, ResultCode.TEMPLATE_CONTENT_INVALID),
    ):
        if not value.strip() or len(value) > MAX_LENGTH:
            raise ResultError(result, f"1 to {MAX_LENGTH} characters")
    if len(draft.uri) > limits.MAX_URI_LENGTH:
        raise ResultError(ResultCode.TEMPLATE_URI_INVALID, f"at most {limits.MAX_URI_LENGTH} characters")
    _check_variables(draft)
    limits.one_of("displayType", draft.silent, (0, 1))
    limits.one_of("style", draft.style, (0, 1, 2))
    limits.one_of("action", draft.action, (0, 1))
    limits.check_payload({"icon": dict(draft.icon), "image": dict(draft.image)})


def check_category(workspace: Workspace, draft: TemplateDraft) -> None:
    """Check that the workspace has the message category of a draft.

    Raises:
        ResultError: It has none of the name (MESSAGE_CATEGORY_NOT_EXIST).
    """
    if draft.message_category:
        catalog.named(workspace, draft.message_category)


def _check_variables(draft: TemplateDraft) -> None:
    """Check the names of the placeholders, and that no text has two that cannot be told apart."""
    names = draft.variables or ()
    if len(names) > MAX_VARIABLES or not all(re.fullmatch(_VARIABLE, name) for name in names):
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"variables: at most {MAX_VARIABLES} names, separated by commas,"
            f" of 1 to {placeholders.MAX_NAME} characters other than #, brackets and quotes",
            parameter="variables",
        )
    for text, result in (
        (draft.title, ResultCode.TEMPLATE_TITLE_INVALID),
        (draft.body, ResultCode.TEMPLATE_CONTENT_INVALID),
        (draft.uri, ResultCode.TEMPLATE_URI_INVALID),
    ):
        try:
            placeholders.check(text, draft.variables)
        except placeholders.AmbiguousError as error:
            raise ResultError(result, str(error), parameter="placeholders") from None


def named(workspace: Workspace, name: str) -> Template:
    """Return the template of that name.

    Raises:
        ResultError: No name is given (NEED_TEMPLATE), or no template has it (TEMPLATE_NOT_EXIST).
    """
    if not name.strip():
        raise ResultError(ResultCode.NEED_TEMPLATE)
    decoding.check_text("name", name)
    template = Template.objects.filter(workspace=workspace, name=name[: MAX_LENGTH + 1]).first()
    if template is None:
        raise ResultError(ResultCode.TEMPLATE_NOT_EXIST)
    return template


def of_workspace(workspace: Workspace) -> QuerySet[Template]:
    """Return the workspace's templates, the newest first."""
    return Template.objects.filter(workspace=workspace).order_by("-created_at", "-pk")


def hold(workspace: Workspace, name: str) -> None:
    """Lock the template until the transaction ends, so that nobody deletes it.

    Raises:
        ResultError: There is none (TEMPLATE_NOT_EXIST).
    """
    templates = Template.objects.select_for_update(no_key=True).filter(workspace=workspace, name=name)
    if templates.first() is None:
        raise ResultError(ResultCode.TEMPLATE_NOT_EXIST)


def delete(workspace: Workspace, name: str) -> None:
    """Delete a template; pushes made from it keep their content.

    Raises:
        ResultError: There is none, or a schedule will still need it (INVALID_PARAM).
    """
    template = named(workspace, name)
    with transaction.atomic():
        hold(workspace, name)
        check_unused(template)
        template.delete()


def check_unused(template: Template) -> None:
    """Check that no schedule will still need the template.

    Raises:
        ResultError: Some do (INVALID_PARAM); the message names them.
    """
    schedules = ", ".join(str(schedule) for schedule in schedules_using(template))
    if schedules:
        raise ResultError(
            ResultCode.INVALID_PARAM, f"the template is needed by schedules {schedules}: cancel them first"
        )


def schedules_using(template: Template) -> list[Schedule]:
    """Return the schedules that will still need the template; the first ten."""
    return list(waiting_schedules(template)[:10])


def waiting_schedules(template: Template) -> QuerySet[Schedule]:
    """Return all schedules that will still need the template, the oldest first."""
    waiting = Occurrence.objects.filter(schedule=OuterRef("pk"), status=Occurrence.Status.PENDING)
    named = Schedule.objects.filter(workspace_id=template.workspace_id, template_name=template.name)
    return named.filter(Exists(waiting)).order_by("pk")


def placeholder_names(template: TemplateContent) -> set[str]:
    """Return the names of the placeholders in title, body and URL."""
    return {name for pattern in _patterns(template) for name in pattern.names}


def render(template: Template, values: Mapping[str, str]) -> Rendered:
    """Fill the placeholders in, once: a value that looks like a placeholder stays text.

    Values without a placeholder are ignored: a caller may use one set of values for several templates.

    Raises:
        ResultError: A placeholder has no value (TEMPLATEKV_NOT_ENOUGH, naming it), or the values leave nothing of title
            or body, which no vendor takes (PAYLOAD_NOT_ENOUGH).
    """
    patterns = _patterns(template)
    missing = sorted({name for pattern in patterns for name in pattern.names} - values.keys())
    if missing:
        raise ResultError(ResultCode.TEMPLATEKV_NOT_ENOUGH, f"#{missing[0]}# has no value")
    title, body, uri = (pattern.fill(values) for pattern in patterns)
    if not title.strip() or not body.strip():
        raise ResultError(ResultCode.PAYLOAD_NOT_ENOUGH, EMPTIED, parameter="templateKeyValue")
    return Rendered(title, body, uri)


def values_of(template: Template, rendered: Rendered) -> dict[str, str]:
    """Return the values that a template was filled in with, as far as the texts made from it show them.

    Placeholders of a text that the template cannot have made, for it was changed since, have no value.
    """
    values: dict[str, str] = {}
    texts = (rendered.title, rendered.content, rendered.uri)
    for pattern, text in zip(_patterns(template), texts, strict=True):
        values = (pattern.values_in(text) or {}) | values
    return values


def _patterns(template: TemplateContent) -> tuple[Pattern, Pattern, Pattern]:
    known = None if template.variables is None else tuple(template.variables)
    return (
        placeholders.text_pattern(template.title, known),
        placeholders.text_pattern(template.body, known),
        placeholders.url_pattern(template.uri, known),
    )
