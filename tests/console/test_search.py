"""Searching the large lists: exact, along an index, within the user's apps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from analytics.models import MessageEvent
from pushcore.models import Binding, Device, Message, PushTask, Receipt, Workspace
from tests.console.conftest import Everything

# What each list is searched by, taken from one app's objects.
TERMS: list[tuple[type[Model], Callable[[Everything], Any]]] = [
    (Device, lambda of: of[Device].ad_token),
    (Device, lambda of: f"vendor-token-{of[Device].pk}"),
    (Binding, lambda of: of[Binding].user_id),
    (Binding, lambda of: of[Device].ad_token),
    (PushTask, lambda of: of[PushTask].pk),
    (PushTask, lambda of: f"name-{of[Workspace].app_id}"),
    (Receipt, lambda of: of[Message].pk),
    (MessageEvent, lambda of: of[Message].pk),
]


@pytest.mark.parametrize(("model", "term_of"), TERMS)
def test_a_list_is_searched_exactly_and_in_scope(
    member: Callable[[str], Client],
    mine: Everything,
    theirs: Everything,
    model: type[Model],
    term_of: Callable[[Everything], Any],
) -> None:
    for of in (mine, theirs):
        Device.objects.filter(pk=of[Device].pk).update(third_token=f"vendor-token-{of[Device].pk}")
        PushTask.objects.filter(pk=of[PushTask].pk).update(name=f"name-{of[Workspace].app_id}")
    browser = member("viewer")
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    def found(term: str | int) -> list[Any]:
        return [row.pk for row in browser.get(address, {"q": term}).context["cl"].result_list]

    assert found(term_of(mine)) == [mine[model].pk]
    assert found(term_of(theirs)) == []
    # Names alone are found by a part.
    assert found(str(term_of(mine))[:-1]) == ([mine[model].pk] if str(term_of(mine)).startswith("name-") else [])
    assert browser.get(address, {"workspace": mine[Workspace].pk, "q": "9" * 40}).status_code == 200
