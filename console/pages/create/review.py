"""How far a push would reach, in words, for whoever has to say yes."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from console.pages.create.files import findings_of
from console.pages.create.forms import MultipleForm
from pushcore.models import FileImport, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import audience_estimate
from pushcore.push.validation import ValidatedPush


@dataclass(frozen=True, slots=True)
class Reached:
    """`number` of devices (or messages, of a file), as a heading; what else there is to know about it.

    `to_type`: what confirms it; None where saying yes is enough. `hopeless`: it reaches nobody, so it is not sent.
    """

    number: str
    unit: str
    note: str = ""
    to_type: int | None = None
    hopeless: bool = False


def of_push(workspace: Workspace, push: ValidatedPush) -> Reached:
    """Of a push to named targets, or a broadcast."""
    if push.audience is not None:
        return _of_broadcast(
            audience_estimate.of_broadcast(workspace, push.audience), self_built=push.audience.self_built
        )
    delivery_type = DeliveryType(push.delivery_type)
    count = audience_estimate.of_targets(workspace, delivery_type, [recipient.target for recipient in push.recipients])
    note = ""
    if not count and delivery_type == DeliveryType.USER:
        note = _("No device is bound to this user now. The message waits for one while it is valid.")
    elif not count:
        note = _("No such device is registered in this workspace now. The message waits for it while it is valid.")
    return Reached(intcomma(count), _("devices reached now"), note)


def _of_broadcast(count: int | None, *, self_built: bool) -> Reached:
    if count is None:
        number = _("very many")
    elif count > audience_estimate.COUNTED:
        number = _("more than %(count)s") % {"count": intcomma(audience_estimate.COUNTED)}
    else:
        number = intcomma(count)
    notes = [_("Those that connect while the message is valid get it.")] if self_built else []
    if count is None:
        notes.append(_("They could not be counted in time; take them for more than the number below."))
    # Whoever sends to more than are counted types how far was counted.
    to_type = audience_estimate.COUNTED if count is None else min(count, audience_estimate.COUNTED)
    return Reached(number, _("devices it is for"), " ".join(notes), to_type, hopeless=count == 0)


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
    return Reached(intcomma(findings.records), _("records to push"), " ".join(notes), hopeless=not findings.records)
