"""The page that shows an invitation link once, after a user or a member was invited."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from console.access import invitations
from console.components.shown_once import Property, ShownOnce

INVITATION = ShownOnce(
    "invitation",
    title=_("The invitation link"),
    warning=_("Copy the link now: it is shown this once. Who has it sets the password, once, within three days."),
    refusal=_("An invitation link is shown once. Make a new one to end the former."),
)


def properties(request: HttpRequest, user: User) -> Sequence[Property]:
    """Return the user and a link to set their password."""
    email = (Property(_("E-mail"), user.email),) if user.email else ()
    link = Property(_("Link"), invitations.link(request, user), copyable=True)
    return (Property(_("User"), user.username), *email, link)
