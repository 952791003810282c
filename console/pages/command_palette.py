"""The command palette: pages by their names, and objects by what an operator pastes.

Unfold has a palette of its own, but it lower-cases what is typed, though IDs tell case apart, keeps answers for five
minutes whatever the user's rights have become, and is no combobox to a screen reader.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar
from urllib.parse import urlencode

from django.contrib.admin import site
from django.db.models import Q, QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from console.access.rights import Scope, scope_of
from pushcore.devices.target_names import MAX_DEVICE_NAME_LENGTH, spellings
from pushcore.models import Binding, Device, Message, PushTask, Template
from pushcore.storage import ids
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# Results of each kind.
MAX_RESULTS = 5
MAX_PAGES = 50
# What no index leads to is looked for among the newest so many.
NEWEST_TASKS = 2_000
NEWEST_MESSAGES = 20_000
# A statement is cancelled after this time; no further kind is looked up after the second, both in milliseconds.
STATEMENT_MS = 300
LOOKUP_MS = 800

Row = TypeVar("Row", Device, PushTask, Message)


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the palette.

    Attributes:
        title: What was found.
        detail: Of what kind it is, and where.
        icon: The name of a Material symbol.
        url: Where it leads.
    """

    title: str
    detail: str
    icon: str
    url: str


@require_safe
def search_everything(request: HttpRequest) -> JsonResponse:
    """Answer `?q=` with the results, and whether all kinds could be looked up in time."""
    term = request.GET.get("q", "").strip()
    found = list(_pages(request, term))
    complete = True
    if term and len(term) <= MAX_DEVICE_NAME_LENGTH and "\0" not in term:
        objects, complete = _objects(scope_of(request), term)
        found += objects
    return JsonResponse({"results": [asdict(one) for one in found], "complete": complete})


def _pages(request: HttpRequest, term: str) -> Iterator[Result]:
    """Find pages of the sidebar and of the user's account by a part of their names, in the page's language or English.

    Without a term all are found.
    """
    groups = site.get_sidebar_list(request)  # type: ignore[attr-defined]  # of Unfold's site
    entries = [
        (entry["title"], str(group.get("title", "")), entry["icon"], entry["link"])
        for group in groups
        for entry in group["items"]
        if entry["has_permission"]
    ]
    account = [(link["title"], _("Account"), "person", link["link"]) for link in site._get_account_links(request)]  # type: ignore[attr-defined]
    wanted = term.casefold()
    named = [entry for entry in entries + account if any(wanted in name for name in _names(entry[0]))]
    for title, group, icon, link in named[:MAX_PAGES]:
        yield Result(str(title), group, icon, str(link))


def _names(title: object) -> tuple[str, str]:
    with override("en"):
        english = str(title)
    return str(title).casefold(), english.casefold()


def _objects(scope: Scope, term: str) -> tuple[list[Result], bool]:
    """Look every kind of object up, as far as the time allows; returns also whether it did."""
    found: list[Result] = []
    complete = True
    end = time.monotonic() + LOOKUP_MS / 1000
    for look_up in LOOKUPS:
        if time.monotonic() > end:
            return found, False
        try:
            with statement_timeout(STATEMENT_MS):
                found += look_up(scope, term)
        except StatementTimeoutError:
            complete = False
    return found, complete


def _devices(scope: Scope, term: str) -> Iterable[Result]:
    """Find devices by Ad-token, number or vendor token."""
    mine = Device.objects.filter(workspace_id__in=scope.workspace_ids).select_related("workspace__app")
    ways = [Q(ad_token=term), Q(third_token__in=spellings(term)) & ~Q(third_token="")]
    if (number := ids.parse(term)) is not None:
        ways.append(Q(pk=number))
    for device in _first(mine.defer("secret_hash"), ways):
        name = f"{device.manufacturer} {device.model}".strip() or device.ad_token
        url = reverse("admin:pushcore_device_change", args=[device.pk])
        yield Result(name, f"{_('Device')} · {device.workspace}", "smartphone", url)


def _users(scope: Scope, term: str) -> Iterable[Result]:
    """Find users who are or were bound, by their exact ID."""
    bound = Binding.objects.filter(workspace_id__in=scope.workspace_ids, user_id=term).order_by()
    found = list(bound.values_list("workspace_id", flat=True).distinct()[:MAX_RESULTS])
    for pk, workspace in scope.workspaces().in_bulk(found).items():
        query = urlencode({"workspace": pk, "dimension": "user", "target": term})
        yield Result(term, f"{_('User')} · {workspace}", "person", f"{reverse('admin:query_tool')}?{query}")


def _tasks(scope: Scope, term: str) -> Iterable[Result]:
    """Find push tasks by ID, or by a part of the name among the newest."""
    mine = PushTask.objects.filter(workspace_id__in=scope.workspace_ids).exclude(kind=PushTask.Kind.REVOKE)
    bulk = mine.filter(kind__in=PushTask.BULK_KINDS).order_by("-pk")
    single = mine.filter(kind__in=[PushTask.Kind.SIMPLE, PushTask.Kind.TEMPLATE])
    recent = PushTask.objects.order_by("-pk").values("pk")[:NEWEST_TASKS]
    ways = [
        Q(pk__in=bulk.values("pk")[:NEWEST_TASKS], name__icontains=term),
        Q(pk__in=single.filter(pk__in=recent).values("pk"), name__icontains=term),
    ]
    if (number := ids.parse(term)) is not None:
        ways.insert(0, Q(pk=number))
    for task in _first(mine.select_related("workspace__app").order_by("-pk"), ways):
        url = reverse("admin:pushcore_pushtask_change", args=[task.pk])
        yield Result(task.name or str(task.pk), f"{_('Push task')} · {task.workspace}", "stacks", url)


def _messages(scope: Scope, term: str) -> Iterable[Result]:
    """Find messages by ID, by target and msgkey, or by msgkey among the newest single ones; also those to a target."""
    mine = Message.objects.filter(workspace_id__in=scope.workspace_ids)
    messages = reverse("admin:pushcore_message_changelist")
    if mine.filter(target__in=spellings(term)).exists():
        yield Result(_("Messages to %s") % term, _("Messages"), "mail", f"{messages}?{urlencode({'q': term})}")
    one, _space, other = term.partition(" ")
    newest = Message.objects.filter(kind__in=Message.SINGLE_KINDS).order_by("-pk").values("pk")[:NEWEST_MESSAGES]
    ways = [Q(pk__in=newest, msgkey=term)]
    if other:
        ways = [Q(target=one, msgkey=other.strip()), Q(target=other.strip(), msgkey=one)]
    if (number := ids.parse(term)) is not None:
        ways.insert(0, Q(pk=number))
    for message in _first(mine.select_related("workspace__app").order_by("-pk"), ways):
        url = reverse("admin:pushcore_message_change", args=[message.pk])
        yield Result(message.msgkey, f"{_('Message to %s') % message.target} · {message.workspace}", "mail", url)


def _templates(scope: Scope, term: str) -> Iterable[Result]:
    """Find templates by a part of the name."""
    mine = Template.objects.filter(workspace_id__in=scope.workspace_ids, name__icontains=term)
    for template in mine.select_related("workspace__app").order_by("name")[:MAX_RESULTS]:
        url = reverse("admin:pushcore_template_change", args=[template.pk])
        yield Result(template.name, f"{_('Template')} · {template.workspace}", "draft", url)


def _first(rows: QuerySet[Row], ways: list[Q]) -> list[Row]:
    """Return what the first way finds that finds anything, at most `MAX_RESULTS`: each way has an index of its own."""
    return next((found for way in ways if (found := list(rows.filter(way)[:MAX_RESULTS]))), [])


LOOKUPS: tuple[Callable[[Scope, str], Iterable[Result]], ...] = (_devices, _users, _tasks, _messages, _templates)
