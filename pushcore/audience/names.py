"""Names of tags and topics: what a name looks like, and how many a workspace has."""

from __future__ import annotations

import re
import time
from collections.abc import Collection

from django.db import connection, transaction
from django.db.models import QuerySet

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import AudienceName, AudienceWalk, Workspace
from pushcore.storage import clock
from pushcore.storage.sql import statements

Kind = AudienceName.Kind
# The column of a profile that has the ids of a kind's names.
COLUMNS = {Kind.TAG: "tags", Kind.TOPIC: "topics"}
_SQL = statements(__file__)

# Of each kind in a workspace.
MAX_NAMES = 1000
# Profiles that one statement takes a removed name from.
STEP = 10_000
# Letters and digits of any script, and what topics of other services are written with.
_NAME = re.compile(r"[\w.:~%-]{1,64}")


def check_name(kind: Kind, name: str) -> None:
    """Check how a name is written.

    Raises:
        ResultError: INVALID_PARAM, quoting it.
    """
    if not _NAME.fullmatch(name):
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"{kind.name.lower()} {name[:64]!r}: a name has 1 to 64 letters, digits and _ - . : ~ %",
        )


def of_workspace(workspace_id: int, kind: Kind) -> QuerySet[AudienceName]:
    """Return the names of a kind that a workspace has."""
    return AudienceName.objects.filter(workspace=workspace_id, kind=kind, removed_at__isnull=True)


def ids_of(workspace_id: int, kind: Kind, names: Collection[str]) -> dict[str, int]:
    """Return the ids of the names that the workspace has."""
    if not names:
        return {}
    known = of_workspace(workspace_id, kind).filter(name__in=set(names))
    return dict(known.values_list("name", "id"))


def all_of(workspace_id: int, kind: Kind) -> list[str]:
    """Return the names that the workspace has, in alphabetical order."""
    return list(of_workspace(workspace_id, kind).order_by("name").values_list("name", flat=True))


def make(workspace_id: int, kind: Kind, names: Collection[str]) -> dict[str, int]:
    """Return the ids of the names; those that the workspace does not have yet are made.

    Raises:
        ResultError: A name is written wrongly (INVALID_PARAM), or the workspace would have more than `MAX_NAMES`
            (TAG_NUM_TOO_MUCH).
    """
    for name in names:
        check_name(kind, name)
    known = ids_of(workspace_id, kind, names)
    if len(known) == len(set(names)):
        return known
    with transaction.atomic():
        # One call at a time counts and makes names; references to the workspace are not held up by this lock.
        Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace_id)
        known = ids_of(workspace_id, kind, names)
        new = [
            AudienceName(workspace_id=workspace_id, kind=kind, name=name)
            for name in dict.fromkeys(names)
            if name not in known
        ]
        if of_workspace(workspace_id, kind).count() + len(new) > MAX_NAMES:
            raise ResultError(ResultCode.TAG_NUM_TOO_MUCH, f"a workspace has at most {MAX_NAMES} {kind.name.lower()}s")
        AudienceName.objects.bulk_create(new)
    return known | {row.name: row.pk for row in new}


def remove(workspace_id: int, kind: Kind, names: Collection[str]) -> None:
    """Take names from a workspace, and with them from all that have them; those that it does not have are passed over.

    That counts at once. `purge` takes the ids out of the profiles afterwards.
    """
    of_workspace(workspace_id, kind).filter(name__in=set(names)).update(removed_at=clock.now())


def _walked_by() -> set[int]:
    """Return the ids of names that the conditions of open walks have."""
    walks = AudienceWalk.objects.filter(finished_at__isnull=True).values_list("names", flat=True)
    return {name_id for names in walks for known in names.values() for name_id in known.values()}


def purge(*, budget_seconds: float = 20.0) -> int:
    """Take the ids of removed names out of profiles in steps, then delete these names.

    Names that audiences are still walked by wait. Returns how many profiles had one. What a run leaves, the next one
    continues.
    """
    deadline, changed = time.monotonic() + budget_seconds, 0
    removed = AudienceName.objects.filter(removed_at__isnull=False).exclude(pk__in=_walked_by())
    for name_id, kind in removed.values_list("id", "kind"):
        statement = _SQL["take_out"].format(column=COLUMNS[Kind(kind)])
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute(statement, {"name": name_id, "step": STEP})
                had = cursor.rowcount
            changed += had
            if had < STEP:
                AudienceName.objects.filter(pk=name_id).delete()
                break
    return changed
