"""What a list says while it has nothing to show: why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.access.rights import Right, scope_of

Text = str | Promise


@dataclass(frozen=True)
class NextStep:
    """A link to what makes an empty list fill.

    Attributes:
        text: The link's text.
        view: The name of the address, such as `admin:create_message`.
        arguments: The address' arguments.
        right: The right the user needs for it; without it the link is left out.
    """

    text: Text
    view: str
    arguments: tuple[str, ...] = ()
    right: Right = Right.VIEW

    @property
    def address(self) -> str:
        """Where the link leads."""
        return reverse(self.view, args=self.arguments)


@dataclass(frozen=True)
class EmptyState:
    """What an empty list says.

    Attributes:
        title: That there is nothing, in a few words.
        sentence: What fills the list.
        step: What to do next, if there is something.
    """

    title: Text
    sentence: Text
    step: NextStep | None = None


NOTHING_FOUND = EmptyState(
    _("Nothing found"),
    _("Nothing here matches the search and the filters. Try a shorter part of the text, another time, or all of them."),
)


def empty_state_of(request: HttpRequest, changelist: ChangeList) -> EmptyState:
    """Return what a list says: that nothing matches, if it is narrowed, else its own `empty_state`.

    A step that the user has no right to is left out.
    """
    if changelist.query or changelist.has_active_filters or changelist.filter_params:
        return NOTHING_FOUND
    own: EmptyState = changelist.model_admin.empty_state  # type: ignore[attr-defined]  # ConsoleModelAdmin
    if own.step is not None and not scope_of(request).may(own.step.right):
        return EmptyState(own.title, own.sentence)
    return own
