"""What the create page's requests name: a kind of push, and a workspace that the user may push in."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from console.access.rights import MissingRightError, Right, scope_of
from console.pages.create.forms import FORMS
from pushcore.models import Workspace
from pushcore.storage import ids


def workspaces_at_hand(request: HttpRequest) -> QuerySet[Workspace]:
    """Return the enabled workspaces the user may push in. Raises `MissingRightError` if there is no app to push in."""
    scope = scope_of(request)
    if not scope.may(Right.PUSH):
        raise MissingRightError(Right.PUSH)
    return scope.workspaces_at_hand(Right.PUSH).filter(enabled=True, app__enabled=True)


def workspaces_to_push_in(request: HttpRequest) -> QuerySet[Workspace]:
    """Return all enabled workspaces the user may push in, whichever is chosen in the top bar.

    Raises:
        MissingRightError: They may push in none at all.
    """
    scope = scope_of(request)
    if not scope.may(Right.PUSH):
        raise MissingRightError(Right.PUSH)
    return scope.workspaces(Right.PUSH).filter(enabled=True, app__enabled=True)


def workspace_or_404(request: HttpRequest, number: str) -> Workspace:
    """Return the workspace of that id. Raises `MissingRightError`, or `Http404` if the user may not push in it."""
    found = workspaces_to_push_in(request).filter(pk=ids.parse(number) or 0).first()
    if found is None:
        raise Http404
    return found


def known_kind(kind: str) -> None:
    """Raise `Http404` for an unknown kind of push."""
    if kind not in FORMS:
        raise Http404
