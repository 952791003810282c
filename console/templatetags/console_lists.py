"""What stands above and below lists: chips, and the export."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.urls import reverse
from django.utils.functional import Promise

from analytics.models import Export
from console.components.chips import Chip, ChipFilter, CreatedFilter
from console.components.exported_list import ExportedList

# Files of a list that are named below it.
SHOWN_FILES = 5

register = template.Library()


@dataclass
class ShownFilter:
    """A chip filter with its chips; `kept` are the other parameters, for the form of a range of days."""

    spec: ChipFilter
    title: str | Promise
    chips: list[Chip]
    kept: list[tuple[str, str]]


@register.simple_tag
def chip_filters(changelist: ChangeList) -> list[ShownFilter]:
    """Return the list's chip filters."""
    return [
        ShownFilter(
            spec, spec.title or "", list(spec.chips(changelist)),
            spec.kept(changelist) if isinstance(spec, CreatedFilter) else [],
        )
        for spec in changelist.filter_specs
        if isinstance(spec, ChipFilter)
    ]  # fmt: skip


@dataclass
class ShownExport:
    """The export of a list: where it is asked for, with which search and filters, and the files there are."""

    address: str
    query: str
    files: list[Export]


@register.simple_tag(takes_context=True)
def list_export(context: template.Context, changelist: ChangeList) -> ShownExport | None:
    """Return the list's export; None where the user may not, or there is nothing to export."""
    request, model_admin = context["request"], changelist.model_admin
    assert isinstance(model_admin, ExportedList)
    files = list(model_admin.exports(request)[:SHOWN_FILES]) if model_admin.may_export(request) else None
    if files is None or not (changelist.result_count or getattr(changelist, "searched", None) or files):
        return None
    name = f"admin:{changelist.opts.app_label}_{changelist.opts.model_name}_export"
    return ShownExport(reverse(name), changelist.get_query_string(remove=[PAGE_VAR])[1:], files)
