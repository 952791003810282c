"""The workspace switch: one choice, followed by lists, forms and figures, and never a way into another app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.access import rights
from console.models import Membership
from pushcore.models import App, Message, PushTask, Workspace
from pushcore.push import pushes
from tests.console.conftest import BY_TEST, Everything, a_push

SWITCH = reverse("admin:switch_workspace")
TASKS = reverse("admin:pushcore_pushtask_changelist")
HOME = reverse("admin:index")


@pytest.fixture
def second(mine: Everything) -> Workspace:
    """Another workspace of the app, with a push of its own."""
    workspace = Workspace.objects.create(app=mine[App], workspace_id="second", client_bind="open")
    pushes.accept(workspace, a_push({"somebody": "k"}, task_name="of the second"), **BY_TEST)
    return workspace


def tasks(browser: Client, **query: Any) -> set[int]:
    return {task.workspace_id for task in browser.get(TASKS, query | {"kind": "all"}).context["cl"].result_list}


def test_lists_follow_the_choice(member: Callable[[str], Client], mine: Everything, second: Workspace) -> None:
    browser = member("viewer")
    assert tasks(browser) == {mine[Workspace].pk, second.pk}
    assert browser.post(SWITCH, {"workspace": second.pk, "next": TASKS})["Location"] == TASKS
    assert tasks(browser) == {second.pk}
    assert tasks(browser, workspace=mine[Workspace].pk) == {mine[Workspace].pk}
    browser.post(SWITCH, {"workspace": ""})
    assert tasks(browser) == {mine[Workspace].pk, second.pk}


def test_choices_of_a_workspace_are_bounded_on_every_page(
    superuser: Client, mine: Everything, second: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "MOST_CHOICES", 1)
    [offered] = superuser.get(HOME).context["workspace_choices"]
    other = mine[Workspace] if offered == second else second
    for page in ("query_tool", "analysis", "channels", "schedule_calendar"):
        assert len(superuser.get(reverse(f"admin:{page}")).context["workspaces"]) == 1
    [choices] = [
        spec.lookup_choices for spec in superuser.get(TASKS).context["cl"].filter_specs if spec.title == "workspace"
    ]
    assert [number for number, _name in choices] == [str(offered.pk)]
    assert tasks(superuser, workspace=other.pk) == {other.pk}


def test_home_follows_the_choice(superuser: Client, mine: Everything, second: Workspace) -> None:
    superuser.post(SWITCH, {"workspace": second.pk})
    assert len(superuser.get(HOME).context["recent"]) == 1
    assert Message.objects.count() > 1


def test_forms_for_something_new_follow_the_choice(superuser: Client, mine: Everything, second: Workspace) -> None:
    superuser.post(SWITCH, {"workspace": second.pk})
    form = superuser.get(reverse("admin:create_message", args=["simple"])).context["form"]
    assert form.workspace == second
    form = superuser.get(reverse("admin:pushcore_rsakey_add")).context["adminform"].form
    assert form.fields["workspace"].initial == second.pk
    assert superuser.get(reverse("admin:device_simulator")).context["workspace"] == second


def test_an_object_of_another_workspace_still_opens(superuser: Client, mine: Everything, second: Workspace) -> None:
    superuser.post(SWITCH, {"workspace": second.pk})
    page = reverse("admin:pushcore_pushtask_change", args=[mine[PushTask].pk])
    assert superuser.get(page).status_code == 200


def test_another_apps_workspace_cannot_be_chosen(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("administrator")
    assert browser.post(SWITCH, {"workspace": theirs[Workspace].pk}).status_code == 404
    assert "strange" not in browser.get(HOME).text


def test_a_choice_does_not_outlive_the_membership(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("viewer")
    browser.post(SWITCH, {"workspace": mine[Workspace].pk})
    Membership.objects.filter(user__username="a-viewer").update(app=theirs[App])
    assert tasks(browser) == {theirs[Workspace].pk}


def test_somebody_with_one_workspace_sees_its_name_only(member: Callable[[str], Client], mine: Everything) -> None:
    page = member("viewer").get(HOME).text
    assert f'<span class="console-switch-only">{mine[Workspace]}</span>' in page
    assert "data-switch" not in page


def test_the_switch_leads_to_no_other_site(superuser: Client, second: Workspace) -> None:
    answer = superuser.post(SWITCH, {"workspace": second.pk, "next": "https://elsewhere.example/"})
    assert answer["Location"] == HOME


def test_the_switch_has_a_search_where_there_are_more_workspaces_than_it_lists(
    superuser: Client, mine: Everything, second: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = Workspace.objects.create(app=mine[App], workspace_id="zone", client_bind="open")
    assert "data-switch-search" not in superuser.get(HOME).text
    monkeypatch.setattr(rights, "MOST_CHOICES", 2)
    assert "data-switch-search" in superuser.get(HOME).text
    superuser.post(SWITCH, {"text": str(third)})
    assert tasks(superuser) == set()
    assert f'value="{third}"' in superuser.get(HOME).text
    superuser.post(SWITCH, {"text": "", "next": TASKS})
    assert tasks(superuser) == {mine[Workspace].pk, second.pk}


@pytest.mark.parametrize(("text", "chosen"), [("SECON", True), ("no such", False), ("e", False), ("\0", False)])
def test_a_part_of_a_name_chooses_the_only_workspace_that_has_it(
    superuser: Client, mine: Everything, second: Workspace, text: str, chosen: bool
) -> None:
    answer = superuser.post(SWITCH, {"text": text, "next": TASKS}, follow=True)
    assert (answer.context["workspace_chosen"] == second.pk) is chosen
    assert bool(list(answer.context["messages"])) is not chosen


def test_the_search_finds_nothing_of_another_app(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("viewer")
    found = browser.get(reverse("admin:find_workspaces"), {"q": ""}).json()["found"]
    assert found == [str(mine[Workspace])]
    browser.post(SWITCH, {"text": str(theirs[Workspace])})
    assert tasks(browser) == {mine[Workspace].pk}
