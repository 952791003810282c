"""Who may do what: the one place the console asks.

A user's rights come from memberships of apps alone; superusers have all of them in every app. Django's own model
permissions and groups give nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest

from console.locale.zones import shared
from console.models import Membership
from pushcore.models import App, Workspace

# The session's key for the workspace chosen in the top bar (its database id).
CHOSEN = "console.workspace"
# The most workspaces the switch offers.
MOST_CHOICES = 200


class Right(Enum):
    """What a role may allow in an app."""

    VIEW = "view"
    EXPORT = "export"
    PUSH = "push"
    CONFIGURE = "configure"


GRANTS: dict[str, frozenset[Right]] = {
    Membership.Role.VIEWER: frozenset({Right.VIEW}),
    Membership.Role.ANALYST: frozenset({Right.VIEW, Right.EXPORT}),
    Membership.Role.OPERATOR: frozenset({Right.VIEW, Right.EXPORT, Right.PUSH}),
    Membership.Role.ADMINISTRATOR: frozenset({Right.VIEW, Right.EXPORT, Right.PUSH, Right.CONFIGURE}),
}


class MissingRightError(PermissionDenied):
    """The user lacks a right: answered with 403 and the role that it takes (`console.error_pages`)."""

    def __init__(self, right: Right) -> None:
        super().__init__(right)
        self.right = right


def least_role(right: Right) -> Membership.Role:
    """Return the least role that holds the right."""
    return next(role for role in Membership.Role if right in GRANTS[role])


@dataclass
class Scope:
    """What one user may reach. `roles`: app id (database) -> role; unused for a superuser.

    `wanted` is what the session says of the workspace switch; `chosen` whether the user still sees that workspace.
    """

    superuser: bool
    roles: dict[int, str]
    wanted: int | None = None

    def may(self, right: Right, app_id: int | None = None) -> bool:
        """Tell whether the right is held in the app; with no app named, in any."""
        if self.superuser:
            return True
        if app_id is None:
            return bool(self.app_ids(right))
        return right in GRANTS.get(self.roles.get(app_id, ""), frozenset())

    def may_give(self, role: str, app_id: int) -> bool:
        """Tell whether the user holds, in the app, every right that the role has."""
        return all(self.may(right, app_id) for right in GRANTS.get(role, ()))

    def app_ids(self, right: Right = Right.VIEW) -> list[int]:
        """Return the apps a member holds the right in. Not for superusers, who are not limited by a list."""
        return [app_id for app_id, role in self.roles.items() if right in GRANTS.get(role, frozenset())]

    def holding(self, right: Right) -> Scope:
        """Return what of the scope is in apps that the user holds the right in."""
        return Scope(self.superuser, {app_id: self.roles[app_id] for app_id in self.app_ids(right)}, self.wanted)

    def apps(self, right: Right = Right.VIEW) -> QuerySet[App]:
        """Return the apps the user holds the right in."""
        return App.objects.all() if self.superuser else App.objects.filter(pk__in=self.app_ids(right))

    def workspaces(self, right: Right = Right.VIEW) -> QuerySet[Workspace]:
        """Return the workspaces of those apps, each with its app."""
        mine = Workspace.objects.select_related("app")
        return mine if self.superuser else mine.filter(app__in=self.app_ids(right))

    @cached_property
    def choices(self) -> list[Workspace]:
        """The workspaces that the switch in the top bar offers, and pages about a single one."""
        return list(self.workspaces().order_by("app__app_id", "workspace_id")[:MOST_CHOICES])

    @cached_property
    def has_more_choices(self) -> bool:
        """Whether there are more workspaces than `choices` has, so that the switch has a search."""
        return len(self.choices) == MOST_CHOICES and self.workspaces()[MOST_CHOICES:].exists()

    def find_workspaces(self, text: str) -> QuerySet[Workspace]:
        """Return the workspaces, with the right to view them, whose full ID or name contains the text."""
        full = Concat("app__app_id", Value("-"), "workspace_id")
        found = self.workspaces().annotate(full_id=full).filter(Q(full_id__icontains=text) | Q(name__icontains=text))
        return found.order_by("app__app_id", "workspace_id")

    @cached_property
    def chosen(self) -> int | None:
        """The workspace (database id) lists and forms are about, None for all."""
        known = self.wanted is not None and self.workspaces().filter(pk=self.wanted).exists()
        return self.wanted if known else None

    @property
    def only(self) -> int | None:
        """The workspace (database id) that is in view alone: the chosen one, or the only one there is."""
        return self.chosen or (self.choices[0].pk if len(self.choices) == 1 else None)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of pages about no single workspace: the chosen one's, or the one that all share, else UTC."""
        return shared(one.time_zone for one in self.choices if self.chosen in (None, one.pk))

    def workspaces_at_hand(self, right: Right = Right.VIEW) -> QuerySet[Workspace]:
        """Return the chosen workspace, or all where none is chosen: what a form for something new offers."""
        mine = self.workspaces(right)
        return mine if self.chosen is None else mine.filter(pk=self.chosen)

    @cached_property
    def workspace_ids(self) -> list[int]:
        """All workspaces in view: large tables are searched by (workspace, ...) indexes, so they must be named."""
        return list(self.workspaces().order_by().values_list("pk", flat=True))


def roles_of(user: AbstractBaseUser | AnonymousUser) -> dict[int, str]:
    """Return the roles from memberships, by app id (database); a superuser needs none."""
    if not user.is_authenticated or getattr(user, "is_superuser", False):
        return {}
    return dict(Membership.objects.filter(user=user.pk).values_list("app_id", "role"))


def scope_of(request: HttpRequest) -> Scope:
    """Return the scope of the request's user, read with one query and kept for the request."""
    known: Scope | None = getattr(request, "console_scope", None)
    if known is not None:
        return known
    user = request.user
    wanted = request.session.get(CHOSEN) if hasattr(request, "session") else None
    scope = Scope(bool(user.is_active and user.is_superuser), roles_of(user), wanted)
    request.console_scope = scope  # type: ignore[attr-defined]
    return scope
