"""Put the parts of the home page together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from console.access.rights import Right, scope_of
from console.pages.home.attention import matters
from console.pages.home.cards import dashboard_cards, day_of, recent
from console.pages.home.setup import setup_steps
from console.pages.home.week import week_of


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page's context; django-unfold calls it as DASHBOARD_CALLBACK."""
    scope = scope_of(request)
    if not scope.may(Right.VIEW):
        return context | {"no_membership": True}
    return context | {
        "matters": matters(scope),
        "setup": setup_steps(scope),
        "cards": dashboard_cards(scope),
        "week": week_of(scope),
        "recent": recent(scope),
        "today_of": day_of(scope),
        "may_push": scope.may(Right.PUSH),
    }
