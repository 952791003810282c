"""The chips above lists."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.contrib.admin.views.main import ChangeList
from django.utils.functional import Promise

from console.components.chips import Chip, ChipFilter, CreatedFilter

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
