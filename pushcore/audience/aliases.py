"""Aliases: further names of users, such as a phone number, that a push may name instead of the user ID.

A push that names an alias is accepted for its user: messages, receipts and idempotency keys are of the user ID.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.target_names import clean_user_id
from pushcore.models import Binding, UserAlias, Workspace
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Aliases in a call, and of a user.
MAX_CHANGED = 1000
MAX_OF_USER = 10


def change(workspace: Workspace, users: Mapping[str, str]) -> None:
    """Give aliases to users, or take them away: two statements, whatever the number.

    Args:
        workspace: Whose users they are.
        users: The user ID by alias; empty where the alias ends. One that is another user's becomes this user's.

    Raises:
        ResultError: INVALID_PARAM: none or too many in the call, or a name too long; TAG_NUM_TOO_MUCH: more than
            `MAX_OF_USER` of a user. Nothing has changed then.
    """
    if not 0 < len(users) <= MAX_CHANGED:
        raise ResultError(ResultCode.INVALID_PARAM, f"aliases: 1 to {MAX_CHANGED} in a call")
    given = {_clean(alias): clean_user_id(user_id) if user_id.strip() else "" for alias, user_id in users.items()}
    kept = sorted((alias, user_id) for alias, user_id in given.items() if user_id)
    with transaction.atomic():
        UserAlias.objects.filter(
            workspace=workspace, alias__in=[alias for alias, user_id in given.items() if not user_id]
        ).delete()
        if not kept:
            return
        # Pushes of workspaces without aliases look nothing up.
        Workspace.objects.filter(pk=workspace.pk, has_aliases=False).update(has_aliases=True)
        with connection.cursor() as cursor:
            cursor.execute(
                _SQL["give"],
                {
                    "workspace": workspace.pk,
                    "aliases": [alias for alias, _ in kept],
                    "users": [user_id for _, user_id in kept],
                },
            )
            cursor.execute(
                _SQL["too_many"],
                {"workspace": workspace.pk, "users": sorted({user_id for _, user_id in kept}), "most": MAX_OF_USER},
            )
            if row := cursor.fetchone():
                raise ResultError(ResultCode.TAG_NUM_TOO_MUCH, f"{row[0]}: a user has at most {MAX_OF_USER} aliases")


def _clean(alias: str) -> str:
    """Return an alias as targets are spelled. Raises `ResultError` (INVALID_PARAM)."""
    try:
        return clean_user_id(alias)
    except ResultError as error:
        raise ResultError(ResultCode.INVALID_PARAM, f"an alias: {error.message}") from None


def users_of(workspace: Workspace, names: Collection[str]) -> dict[str, str]:
    """Return the user IDs of those of the names that are aliases, by alias, with one query.

    A workspace that has had no alias costs none. An alias comes before a user ID that is spelled like it.
    """
    if not workspace.has_aliases or not names:
        return {}
    found = UserAlias.objects.filter(workspace=workspace, alias__in=set(names))
    return dict(found.values_list("alias", "user_id"))


def of_user(workspace: Workspace, user_id: str) -> list[str]:
    """Return a user's aliases in alphabetical order."""
    mine = UserAlias.objects.filter(workspace=workspace, user_id=user_id)
    return list(mine.order_by("alias").values_list("alias", flat=True))


def former() -> QuerySet[UserAlias]:
    """Return aliases of users that no device has a binding of, given over `MPS_DEVICE_RETENTION_DAYS` ago."""
    if not settings.DEVICE_RETENTION_DAYS:
        return UserAlias.objects.none()
    since = clock.now() - timedelta(days=settings.DEVICE_RETENTION_DAYS)
    bindings = Binding.objects.filter(workspace=OuterRef("workspace"), user_id=OuterRef("user_id"))
    return UserAlias.objects.filter(~Exists(bindings), given_at__lt=since)
