"""The forms that make up the create page, and what an operator typed into them.

What was typed is kept as the browser submits it (`QueryDict`), so that a change of the kind of push, a draft and a copy
of an earlier push fill the page in one way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from console.pages.create.explanations import PARAMETERS, SENDING, explain
from console.pages.create.fields import MAX_PARAMETER_ROWS, ExtensionParameters
from console.pages.create.forms import FORMS, AnyForm
from console.pages.create.sending import PREFIX, SendingForm
from pushcore.codes.results import ResultError
from pushcore.models import Workspace
from pushcore.storage import ids

# Fields of the page and of the review that are no part of the message.
OF_THE_PAGE = frozenset({"step", "csrfmiddlewaretoken", "workspace", "draft", "devices", "counted", "test_devices"})


@dataclass(frozen=True, slots=True)
class MessageForms:
    """The forms of the page.

    Attributes:
        push: The form of the kind of push.
        parameters: The extension parameters.
        sending: When to push.
    """

    push: AnyForm
    parameters: ExtensionParameters
    sending: SendingForm

    @classmethod
    def submitted(cls, kind: str, workspace: Workspace, data: QueryDict) -> MessageForms:
        """Build the forms of a kind of push from what was submitted, to be validated."""
        return cls(
            FORMS[kind](data, workspace=workspace),
            ExtensionParameters(data, prefix=PARAMETERS),
            SendingForm(data, zone=ZoneInfo(workspace.time_zone)),
        )

    @classmethod
    def filled(cls, kind: str, workspace: Workspace, typed: QueryDict) -> MessageForms:
        """Build the forms as they were left: filled in as far as something was typed, and not validated yet."""
        return cls(
            FORMS[kind](initial=dict(typed.items()), workspace=workspace),
            ExtensionParameters(prefix=PARAMETERS, initial=list(_rows(typed))),
            SendingForm(initial=_of_sending(typed), zone=ZoneInfo(workspace.time_zone)),
        )

    @property
    def all_forms(self) -> tuple[forms.BaseForm | ExtensionParameters, ...]:
        """The forms, as one may go through them."""
        return self.push, self.parameters, self.sending

    def is_valid(self) -> bool:
        """Validate all forms, so that every error is shown at once."""
        answers = [form.is_valid() for form in self.all_forms]
        return all(answers)

    def refuse(self, error: ResultError) -> None:
        """Show the service's refusal of these valid forms at the field it concerns; at the top if there is none."""
        explanation = explain(error)
        place, _dot, name = explanation.field.rpartition(".")
        if name == PARAMETERS:
            self.parameters.refuse(error.parameter, str(explanation.sentence))
            return
        form: forms.BaseForm = self.sending if place == SENDING else self.push
        if name in form.fields:
            form.add_error(name, str(explanation.sentence))
        else:
            self.push.add_error(None, str(explanation.sentence))

    def carried(self, typed: QueryDict) -> list[tuple[str, str]]:
        """Return what was typed into fields that this kind of push does not have, for hidden fields."""
        shown = {bound.html_name for form in (self.push, self.sending) for bound in form}
        return [pair for pair in pairs(typed) if pair[0] not in shown and not pair[0].startswith(f"{PARAMETERS}-")]


def pairs(typed: QueryDict) -> list[tuple[str, str]]:
    """Return the message's fields as name and value, one entry for each value."""
    return [(name, value) for name, values in typed.lists() if name not in OF_THE_PAGE for value in values]


def _rows(typed: QueryDict) -> Iterator[dict[str, str]]:
    """Yield the rows of extension parameters that something was typed into."""
    count = ids.parse(typed.get(f"{PARAMETERS}-TOTAL_FORMS", "")) or 0
    for number in range(min(count, MAX_PARAMETER_ROWS)):
        row = {name: typed.get(f"{PARAMETERS}-{number}-{name}", "") for name in ("key", "value")}
        if any(row.values()):
            yield row


def _of_sending(typed: QueryDict) -> dict[str, Any]:
    """Return what was typed into the schedule, by the names of its fields."""
    names = [name for name in typed if name.startswith(f"{PREFIX}-")]
    lists = {f"{PREFIX}-weekdays"}
    return {
        name.removeprefix(f"{PREFIX}-"): typed.getlist(name) if name in lists else typed.get(name) for name in names
    }
