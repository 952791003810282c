"""What a push would do, in words, for whoever has to say yes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from console.pages.create.files import findings_of
from console.pages.create.forms import AnyForm, BroadcastForm, MultipleForm, SimpleForm, TemplateForm
from console.pages.create.sending import SendingForm
from pushcore import reach
from pushcore.acceptance import Draft
from pushcore.models import FileImport, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.schedules.times import DAILY


@dataclass(frozen=True, slots=True)
class Reached:
    """`number` of devices (or messages, of a file), as a heading; what else there is to know about it."""

    number: str
    unit: str
    note: str = ""


def of_draft(workspace: Workspace, draft: Draft) -> Reached:
    """Of a push to named targets, or a broadcast."""
    if draft.audience is not None:
        return _of_broadcast(reach.of_broadcast(workspace, draft.audience), self_built=draft.audience.self_built)
    delivery_type = DeliveryType(draft.delivery_type)
    count = reach.of_targets(workspace, delivery_type, [entry.target for entry in draft.addressed])
    note = ""
    if not count and delivery_type == DeliveryType.USER:
        note = _("No device is bound to this user now. The message waits for one while it is valid.")
    elif not count:
        note = _("No such device is registered in this workspace now. The message waits for it while it is valid.")
    return Reached(intcomma(count), _("devices reached now"), note)


def _of_broadcast(count: int | None, *, self_built: bool) -> Reached:
    if count is None:
        number = _("very many")
    elif count > reach.COUNTED:
        number = _("more than %(count)s") % {"count": intcomma(reach.COUNTED)}
    else:
        number = intcomma(count)
    note = _("Those that connect while the message is valid get it.") if self_built else ""
    return Reached(number, _("devices it is for"), note)


def of_file(form: MultipleForm, file: FileImport) -> Reached:
    findings = findings_of(form, file)
    notes = []
    if findings.faults:
        notes.append(_("Lines at fault, left out: %(count)s.") % {"count": intcomma(findings.faults)})
    if findings.sampled:
        notes.append(
            _("The first %(sampled)s targets have %(reached)s devices now.")
            % {"sampled": intcomma(findings.sampled), "reached": intcomma(findings.reached)}
        )
    return Reached(intcomma(findings.records), _("records to push"), " ".join(notes))


def facts(form: AnyForm, sending: SendingForm | None, kind: str) -> Iterator[tuple[str, str]]:
    """Label and value of what was asked for."""
    given = form.cleaned_data
    yield _("Kind"), kind
    yield _("Workspace"), str(form.workspace)
    if isinstance(form, BroadcastForm):
        yield _("Target"), _("all devices: %(platform)s") % {"platform": gettext(form.delivery_type.label)}
    elif isinstance(form, MultipleForm):
        yield _("File"), given["file_name"]
        yield _("Target ID type"), gettext(form.delivery_type.label)
    else:
        yield _("Target"), f"{gettext(form.delivery_type.label)}: {given['target']}"
    if not isinstance(form, SimpleForm):
        yield _("Template"), given["template"].name
    if isinstance(form, SimpleForm | TemplateForm | BroadcastForm):
        yield _("Customer message ID"), given["msgkey"]
    yield _("Valid period"), _("%(seconds)s seconds") % {"seconds": intcomma(given["valid_seconds"])}
    if sending is not None:
        yield _("Send"), _when(sending)


def _when(sending: SendingForm) -> str:
    given = sending.cleaned_data
    if given["when"] == "timed":
        return f"{date_format(given['at'].astimezone(sending.zone), 'DATETIME_FORMAT')} ({sending.zone.key})"
    if given["when"] == "cyclic":
        repeat = dict(sending.fields["circle"].choices)[given["circle"] or DAILY]  # type: ignore[attr-defined]
        days = f"{date_format(given['first_day'])} - {date_format(given['last_day'])}"
        return f"{repeat}, {given['time_of_day']:%H:%M} ({sending.zone.key}), {days}"
    return _("at once")
