"""Drafts: what was typed into the create page, saved while it is typed, so that it can be continued later.

A draft belongs to a user and a workspace. The page draws its key; saving under it again replaces what was saved before.
"""

from __future__ import annotations

import json
import uuid

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from console.models import Draft
from console.pages.create.message_forms import pairs
from console.pages.create.scope import known_kind, workspace_or_404
from pushcore.models import Workspace
from pushcore.storage import clock

# Of a user in a workspace; the one that was saved longest ago makes room.
MAX_DRAFTS = 10
# Of one draft, as JSON; what is longer is not kept.
MAX_BYTES = 32_768


def of_user(user_id: int, workspace: Workspace) -> QuerySet[Draft]:
    """Return the user's drafts in the workspace, the last saved first."""
    recent = Draft.objects.filter(user_id=user_id, workspace=workspace, saved_at__gt=clock.now() - Draft.KEPT)
    return recent.order_by("-saved_at")


def new_key() -> str:
    """Return the key of a new draft."""
    return str(uuid.uuid4())


def key_of(text: str | None) -> uuid.UUID | None:
    """Return the key of a draft as the page has it; None for anything else."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def save(user_id: int, workspace: Workspace, kind: str, typed: QueryDict) -> Draft | None:
    """Save what was typed under the page's key (`draft`); return None where it has none or too much was typed."""
    key = key_of(typed.get("draft"))
    kept: dict[str, list[str]] = {}
    for name, value in pairs(typed):
        kept.setdefault(name, []).append(value.replace("\0", ""))
    if key is None or len(json.dumps(kept)) > MAX_BYTES:
        return None
    with transaction.atomic():
        draft, _created = Draft.objects.update_or_create(
            user_id=user_id,
            key=key,
            defaults={"workspace": workspace, "kind": kind, "typed": kept, "saved_at": clock.now()},
        )
        kept_keys = of_user(user_id, workspace).values_list("pk", flat=True)[:MAX_DRAFTS]
        Draft.objects.filter(user_id=user_id, workspace=workspace).exclude(pk__in=list(kept_keys)).delete()
    return draft


def discard(user_id: int, key: str | None) -> None:
    """Delete the user's draft of that key, if there is one."""
    found = key_of(key)
    if found is not None:
        Draft.objects.filter(user_id=user_id, key=found).delete()


def typed_of(draft: Draft) -> QueryDict:
    """Return what was typed, for the page to be filled in with."""
    typed = QueryDict(mutable=True)
    for name, values in draft.typed.items():
        typed.setlist(name, values)
    typed["draft"] = str(draft.key)
    return typed


@require_POST
def save_draft(request: HttpRequest, kind: str) -> JsonResponse:
    """Save the submitted form as a draft; answers {"saved"} with the time, or {"error"}."""
    known_kind(kind)
    workspace = workspace_or_404(request, request.POST.get("workspace", ""))
    assert request.user.pk is not None
    draft = save(request.user.pk, workspace, kind, request.POST)
    if draft is None:
        return JsonResponse({"error": _("The draft is not saved: too much was typed.")}, status=400)
    at = date_format(localtime(draft.saved_at), "TIME_FORMAT")
    return JsonResponse({"saved": _("Draft saved at %(time)s.") % {"time": at}})


@require_POST
def discard_draft(request: HttpRequest, key: uuid.UUID) -> HttpResponseRedirect:
    """Delete a draft of the user's and return to the page. Raises `Http404` if there is none."""
    assert request.user.pk is not None
    draft = get_object_or_404(Draft, user_id=request.user.pk, key=key)
    draft.delete()
    messages.success(request, _("The draft is discarded."))
    address = reverse("admin:create_message", args=[draft.kind])
    return HttpResponseRedirect(f"{address}?workspace={draft.workspace_id}")
