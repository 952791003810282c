"""Times in templates, as `console.components.columns` shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from console.components import columns
from console.locale.zones import zone_of

register = template.Library()


@register.filter
def moment(at: datetime | None, owner: Any = None) -> SafeString:
    """Render `{{ at|moment }}` in the page's zone, `{{ at|moment:message }}` in that of an object's workspace."""
    return columns.moment(at, zone_of(owner) if owner is not None else None)
