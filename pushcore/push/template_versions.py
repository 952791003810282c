"""Versions of a template: a changed template keeps its name, and what it said before.

A push copies the texts when it is accepted, so a change is for later pushes alone. A schedule is rendered when it is
sent: a version that a waiting schedule has no values for is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from django.db import transaction
from django.db.models import QuerySet

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import FormerVersion, Schedule, Template, TemplateContent
from pushcore.push import requests, templates
from pushcore.push.requests import FilePush, MultiplePush, SimplePush
from pushcore.push.templates import TemplateDraft

# Former versions of a template that are kept; the oldest are deleted.
MAX_FORMER = 50
# Fields of a version.
_CONTENT = tuple(field.attname for field in TemplateContent._meta.concrete_fields)


class MissingValuesError(ResultError):
    """A waiting schedule has no value for a placeholder of the new version.

    Attributes:
        schedule: The first such schedule.
        names: The placeholders, in alphabetical order.
    """

    def __init__(self, schedule: Schedule, names: Collection[str]) -> None:
        self.schedule = schedule
        self.names = sorted(names)
        super().__init__(ResultCode.TEMPLATEKV_NOT_ENOUGH, f"schedule {schedule.pk} has no value for #{self.names[0]}#")


def former(template: Template) -> QuerySet[FormerVersion]:
    """Return the former versions of a template, the newest first."""
    return FormerVersion.objects.filter(template=template).order_by("-version")


def revise(template: Template, draft: TemplateDraft, *, based_on: int, author: str) -> Template:
    """Save a new version of a template. A draft that says what the newest version says changes nothing.

    Args:
        template: The template; it keeps its name whatever the draft says.
        draft: What it shall say.
        based_on: The version that the author has seen.
        author: Who changes it.

    Returns:
        The template as it stands.

    Raises:
        MissingValuesError: A waiting schedule could not be sent with it.
        ResultError: The limits of a template; MESSAGE_CATEGORY_NOT_EXIST; TEMPLATE_NOT_EXIST; INVALID_PARAM
            (`version`): another version was saved meanwhile.
    """
    draft = replace(draft, name=template.name)
    templates.check(draft)
    templates.check_category(template.workspace, draft)
    with transaction.atomic():
        # Waits for schedules that are being made with it, and holds up others (`templates.hold`).
        current = Template.objects.select_for_update(no_key=True).filter(pk=template.pk).first()
        if current is None:
            raise ResultError(ResultCode.TEMPLATE_NOT_EXIST)
        if current.version != based_on:
            raise ResultError(
                ResultCode.INVALID_PARAM, f"version {current.version} was saved meanwhile", parameter="version"
            )
        before = {name: getattr(current, name) for name in _CONTENT}
        templates.fill(current, draft, author=author)
        if all(getattr(current, name) == before[name] for name in _CONTENT if name not in ("saved_at", "saved_by")):
            return template
        _check_schedules(current)
        FormerVersion.objects.create(template=current, **before)
        current.version += 1
        current.save()
        former(current).filter(version__lt=current.version - MAX_FORMER).delete()
    return current


def restore(template: Template, version: int, *, based_on: int, author: str) -> Template:
    """Make a former version the newest again, as a new version.

    Args:
        template: The template.
        version: The number of the former version.
        based_on: The version that the author has seen as the newest.
        author: Who restores it.

    Raises:
        ResultError: As `revise`; INVALID_PARAM (`version`) for a version that is not kept.
    """
    wanted = former(template).filter(version=version).first()
    if wanted is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"version {version} is not kept", parameter="version")
    draft = templates.draft_of(wanted, template.name)
    return revise(template, draft, based_on=based_on, author=author)


def _check_schedules(template: Template) -> None:
    """Check that every waiting schedule has the values the template asks for.

    Of a schedule that pushes a file nothing is known: lines without a value are left out when it is sent.
    """
    names = templates.placeholder_names(template)
    for schedule in templates.waiting_schedules(template):
        for values in _values_of(schedule):
            if missing := names - values.keys():
                raise MissingValuesError(schedule, missing)


def _values_of(schedule: Schedule) -> Iterator[Mapping[str, str]]:
    """Yield the values of placeholders that a schedule will fill its template in with, one for each text."""
    request = requests.from_json(schedule.kind, schedule.request)
    if isinstance(request, FilePush | SimplePush):
        return
    if isinstance(request, MultiplePush):
        yield from (target.template_key_value for target in request.target_msg)
    else:
        yield request.template_key_value
