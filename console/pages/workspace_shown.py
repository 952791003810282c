"""Which workspace a page about a single one shows: named in its address, or chosen in the top bar."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from console.access.rights import MissingRightError, Right, scope_of
from pushcore.models import Workspace
from pushcore.storage import ids


def chosen_workspace(request: HttpRequest, named: str | None) -> Workspace | None:
    """Return the workspace a page is about: the named one, else the one chosen in the top bar, else the first.

    Args:
        request: The user's request.
        named: The workspace's database id as it stands in the address, if any.

    Returns:
        The workspace, or None when the user has none at all.

    Raises:
        MissingRightError: The user may not view anything.
        Http404: The named workspace is not one the user may see.
    """
    scope = scope_of(request)
    if not scope.may(Right.VIEW):
        raise MissingRightError(Right.VIEW)
    mine = scope.workspaces().order_by("app__app_id", "workspace_id")
    if named:
        found = mine.filter(pk=ids.parse(named) or 0).first()
        if found is None:
            raise Http404
        return found
    return mine.filter(pk=scope.chosen or 0).first() or mine.first()
