"""The reach of a push, in words, for the operator who has to confirm it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from console.pages.create.files import findings_of
from console.pages.create.forms import AnyForm, AudienceForm, BroadcastForm, MultipleForm
from pushcore.models import FileImport, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate
from pushcore.push.validation import ValidatedPush


@dataclass(frozen=True, slots=True)
class Reach:
    """How many devices a push would reach, as the review shows it.

    Attributes:
        number: The number of devices, or of records for a file, as text.
        unit: What the number counts.
        note: Remarks on the number.
        number_to_type: The number to type as confirmation; None where none is required.
        reaches_nobody: Whether the push reaches nobody and is therefore not sent.
    """

    number: str
    unit: str
    note: str = ""
    number_to_type: int | None = None
    reaches_nobody: bool = False


def audience_of(form: AnyForm) -> str:
    """Describe in words whom a valid form's push is for."""
    if isinstance(form, AudienceForm):
        return _("The devices of the segment %(segment)s") % {"segment": form.cleaned_data["segment"]}
    given, kind = form.cleaned_data, form.delivery_type
    # As the field "Push platform" names them.
    platform = dict(form.fields["platform"].choices).get(kind, "")  # type: ignore[attr-defined]
    if isinstance(form, MultipleForm):
        words = (
            _("The users in the file %(file)s")
            if kind == DeliveryType.USER
            else _("The %(platform)s devices in the file %(file)s")
        )
        return words % {"platform": platform, "file": given["file_name"]}
    if not isinstance(form, BroadcastForm):
        words = _("The user %(target)s") if kind == DeliveryType.USER else _("The %(platform)s device %(target)s")
        return words % {"platform": platform, "target": given["target"]}
    if kind != DeliveryType.IOS:
        return _("All %(platform)s devices of this workspace") % {"platform": platform}
    if not given["login_status"]:
        return _("The iOS devices of all users who are logged in")
    period = dict(form.fields["logout_period"].choices)[given["logout_period"]]  # type: ignore[attr-defined]
    return _("The iOS devices of all users who are logged in, or logged out within: %(period)s") % {"period": period}


def of_push(workspace: Workspace, push: ValidatedPush) -> Reach:
    """Return the reach of a push to named targets, of a broadcast, or of a push to an audience."""
    if push.condition is not None:
        return _of_many(audience_estimate.of_condition(workspace, push.condition))
    if push.audience is not None:
        notes = [_("Those that connect while the message is valid get it.")] if push.audience.self_built else []
        return _of_many(audience_estimate.of_broadcast(workspace, push.audience), *notes)
    delivery_type = DeliveryType(push.delivery_type)
    count = audience_estimate.of_targets(workspace, delivery_type, [recipient.target for recipient in push.recipients])
    note = ""
    if not count and delivery_type == DeliveryType.USER:
        note = _("No device is bound to this user now. The message waits for one while it is valid.")
    elif not count:
        note = _("No such device is registered in this workspace now. The message waits for it while it is valid.")
    return Reach(intcomma(count), _("devices reached now"), note)


def _of_many(count: int | None, *notes: str) -> Reach:
    """Describe a number of devices that is to be typed; `count` is None when they could not be counted in time."""
    if count is None:
        number = _("very many")
    elif count > audience_estimate.COUNTED:
        number = _("more than %(count)s") % {"count": intcomma(audience_estimate.COUNTED)}
    else:
        number = intcomma(count)
    if count is None:
        notes = (*notes, _("They could not be counted in time; take them for more than the number below."))
    # Beyond the limit of counting, the limit itself is the number to type.
    number_to_type = audience_estimate.COUNTED if count is None else min(count, audience_estimate.COUNTED)
    return Reach(number, _("devices it is for"), " ".join(notes), number_to_type, reaches_nobody=count == 0)


def of_file(form: MultipleForm, file: FileImport) -> Reach:
    """Return the reach of a multiple push, by the findings in its file."""
    findings = findings_of(form, file)
    notes = []
    if findings.faults:
        notes.append(_("Lines at fault, left out: %(count)s.") % {"count": intcomma(findings.faults)})
    if findings.sampled:
        notes.append(
            _("The first %(sampled)s targets have %(reached)s devices now.")
            % {"sampled": intcomma(findings.sampled), "reached": intcomma(findings.reached)}
        )
    return Reach(intcomma(findings.records), _("records to push"), " ".join(notes), reaches_nobody=not findings.records)
