"""The create page: one form for four kinds of push, drafts of it, and copies of earlier pushes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from console.models import Draft
from console.pages.create import drafts
from console.tasks import purge
from pushcore.channels import Channel, Platform
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import Binding, Device, PushTask, Schedule, Template, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import BroadcastPush, MultiplePush, SimplePush, TargetMessage, TemplatePush
from pushcore.push.templates import TemplateDraft
from tests.console.conftest import BY_TEST, Everything
from tests.console.test_create_simple import form

CREATE = "/console/create/"
KINDS = ["simple", "template", "multiple", "broadcast", "audience"]


@pytest.fixture
def template(workspace: Workspace) -> Template:
    draft = TemplateDraft("parcel", "d", "Hello #name#", "Box #box# of #name#", uri="https://shop.example/?n=#name#")
    return templates.create(workspace, draft)


def shown(answer: Any) -> dict[str, str]:
    """What would be submitted, had nobody typed anything since."""
    page = answer.context
    forms = {bound.html_name: bound.value() for one in (page["form"], page["sending"]) for bound in one}
    rows = {f"{row.prefix}-{name}": row[name].value() for row in page["parameters"].forms for name in ("key", "value")}
    return {name: str(value) for name, value in (forms | rows | dict(page["carried"])).items() if value is not None}


# -- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("other", KINDS)
def test_what_was_typed_is_there_in_every_kind_and_back_again(
    superuser: Client, workspace: Workspace, other: str
) -> None:
    typed = form(
        workspace,
        step="edit",
        task_name="Singles' Day",
        template="parcel",
        value_1="Ann",
        **{"parameters-0-key": "orderId", "parameters-0-value": "42", "sending-when": "timed",
           "sending-at": "2027-01-02T08:00"},
    )  # fmt: skip
    there = superuser.post(f"{CREATE}{other}/", typed)
    assert there.status_code == 200
    assert 'class="errorlist"' not in there.text
    kept = shown(there)
    wanted = {name: value for name, value in typed.items() if value and name not in ("step", "workspace")}
    del wanted["parameters-TOTAL_FORMS"], wanted["parameters-INITIAL_FORMS"]
    assert {name: kept.get(name) for name in wanted} == wanted
    again = superuser.post(f"{CREATE}simple/", kept | {"step": "edit", "workspace": str(workspace.pk),
                                                        "parameters-TOTAL_FORMS": "2"})  # fmt: skip
    assert {name: shown(again).get(name) for name in wanted} == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_kind_shows_its_own_fields_as_they_begin(superuser: Client, workspace: Workspace, kind: str) -> None:
    begins, changed = (
        superuser.get(f"{CREATE}{kind}/"),
        superuser.post(f"{CREATE}{kind}/", form(workspace, step="edit")),
    )
    fields = set(begins.context["form"].fields) - set(form(workspace))
    assert {name: begins.context["form"][name].value() for name in fields} == {
        name: changed.context["form"][name].value() for name in fields
    }


# -- drafts -----------------------------------------------------------------------------------------------------------


def a_draft(browser: Client, into: Workspace, kind: str = "simple", **changes: str) -> str:
    """Save a draft as the page's script does; return its key."""
    key = str(uuid.uuid4())
    answer = browser.post(f"{CREATE}{kind}/draft/", form(into, draft=key, **changes))
    assert answer.status_code == 200, answer.text
    return key


def test_a_draft_is_offered_and_continued(superuser: Client, workspace: Workspace) -> None:
    key = a_draft(superuser, workspace, title="Half a title", body="")
    assert "Half a title" in superuser.get(f"{CREATE}broadcast/").text
    page = superuser.get(f"{CREATE}simple/", {"draft": key})
    assert shown(page)["title"] == "Half a title"
    assert page.context["draft"] == uuid.UUID(key)
    assert "Continue your draft" not in page.text


def test_a_draft_is_saved_over_itself_and_gone_once_it_is_pushed(superuser: Client, workspace: Workspace) -> None:
    key = a_draft(superuser, workspace, title="One")
    superuser.post(f"{CREATE}simple/", form(workspace, step="review", draft=key, title="Two"))
    assert [str(draft) for draft in Draft.objects.all()] == ["Two"]
    superuser.post(f"{CREATE}simple/", form(workspace, step="send", draft=key, title="Two"))
    assert PushTask.objects.exists()
    assert not Draft.objects.exists()


def test_a_draft_is_discarded_by_its_author(superuser: Client, workspace: Workspace) -> None:
    key = a_draft(superuser, workspace)
    answer = superuser.post(f"{CREATE}draft/{key}/discard/", follow=True)
    assert "The draft is discarded." in answer.text
    assert not Draft.objects.exists()
    assert superuser.get(f"{CREATE}simple/", {"draft": key}).status_code == 404


def test_a_draft_is_its_authors_alone(member: Callable[[str], Client], superuser: Client, workspace: Workspace) -> None:
    key = a_draft(superuser, workspace, title="Mine")
    other = member("operator")
    assert "Mine" not in other.get(f"{CREATE}simple/").text
    assert other.get(f"{CREATE}simple/", {"draft": key}).status_code == 404
    other.post(f"{CREATE}draft/{key}/discard/")
    assert Draft.objects.exists()


def test_no_draft_is_saved_where_one_may_not_push(
    member: Callable[[str], Client], workspace: Workspace, theirs: Everything
) -> None:
    values = form(workspace, draft=str(uuid.uuid4()))
    assert member("viewer").post(f"{CREATE}simple/draft/", values).status_code == 403
    assert member("operator").post(
        f"{CREATE}simple/draft/", values | {"workspace": str(theirs[Workspace].pk)}
    ).status_code == 404  # fmt: skip
    assert not Draft.objects.exists()


def test_drafts_are_bounded_in_number_size_and_age(superuser: Client, workspace: Workspace) -> None:
    for number in range(drafts.MAX_DRAFTS + 2):
        a_draft(superuser, workspace, title=f"Draft {number}")
    assert Draft.objects.count() == drafts.MAX_DRAFTS
    assert "Draft 0" not in {str(draft) for draft in Draft.objects.all()}
    large = form(workspace, draft=str(uuid.uuid4()), body="x" * drafts.MAX_BYTES)
    assert superuser.post(f"{CREATE}simple/draft/", large).status_code == 400
    Draft.objects.update(saved_at=timezone.now() - Draft.KEPT - timedelta(minutes=1))
    assert "Draft 3" not in superuser.get(f"{CREATE}simple/").text
    purge()
    assert not Draft.objects.exists()


@pytest.mark.parametrize("changes", [{"draft": "nonsense"}, {"draft": ""}, {"title": "a\0b"}])
def test_a_draft_that_cannot_be_saved_is_no_error(
    superuser: Client, workspace: Workspace, changes: dict[str, str]
) -> None:
    values = form(workspace, draft=str(uuid.uuid4())) | changes
    assert superuser.post(f"{CREATE}simple/draft/", values).status_code in (200, 400)


def test_the_page_names_the_largest_file_that_is_configured(
    superuser: Client, workspace: Workspace, settings: Any
) -> None:
    settings.MAX_FILE_BYTES = 3 << 20
    assert "Select a file of targets, at most 3 MB" in superuser.get(f"{CREATE}multiple/").text


def test_a_draft_whose_file_is_gone_asks_for_it_again(superuser: Client, workspace: Workspace) -> None:
    key = a_draft(superuser, workspace, "multiple", file="1", file_name="winners.csv")
    page = superuser.get(f"{CREATE}multiple/", {"draft": key})
    assert "Upload it again." in page.text
    assert not page.context["form"]["file"].value()


# -- copies -----------------------------------------------------------------------------------------------------------


def copied(browser: Client, task: PushTask) -> Any:
    return browser.get(f"{CREATE}{task.kind}/", {"from": task.pk})


def test_a_simple_push_is_copied_with_everything(superuser: Client, workspace: Workspace) -> None:
    superuser.post(f"{CREATE}simple/", given := form(
        workspace, target_type="device", platform="2", target="a" * 64, style="2", silent="0", action="1",
        task_name="Singles' Day", valid_seconds="7200", icon_defaultUrl="https://shop.example/i.png",
        image_iosUrl="https://shop.example/l.png", **{"parameters-0-key": "orderId", "parameters-0-value": "42"},
    ))  # fmt: skip
    page = copied(superuser, PushTask.objects.get())
    kept = shown(page)
    same = set(given) - {"step", "workspace", "msgkey", "parameters-TOTAL_FORMS", "parameters-INITIAL_FORMS"}
    assert {name: kept.get(name) for name in same} == {name: given[name] for name in same}
    assert kept["msgkey"] != given["msgkey"]
    assert superuser.post(
        f"{CREATE}simple/",
        kept | {"step": "send", "workspace": str(workspace.pk), "parameters-TOTAL_FORMS": "2",
                "parameters-INITIAL_FORMS": "1"},
    ).status_code == 302  # fmt: skip
    assert PushTask.objects.count() == 2


@pytest.mark.usefixtures("template")
def test_a_template_push_is_copied_with_its_values(superuser: Client, workspace: Workspace) -> None:
    request = TemplatePush(
        delivery_type=3, expired_seconds=60, template_name="parcel", target_msgkey={"ann": "k"},
        template_key_value={"name": "Ann & Bob", "box": "A1"}, vendor_options={"channelId": "c"},
    )  # fmt: skip
    page = copied(superuser, pushes.accept(workspace, request, **BY_TEST))
    assert [field.value() for field in page.context["form"].placeholders] == ["A1", "Ann & Bob"]
    assert shown(page)["target"] == "ann"
    assert "not copied: channelId." in page.text


@pytest.mark.usefixtures("template")
def test_a_push_of_a_template_that_is_gone_or_changed_says_so(superuser: Client, workspace: Workspace) -> None:
    request = TemplatePush(
        delivery_type=3, expired_seconds=60, template_name="parcel", target_msgkey={"ann": "k", "bob": "k"},
        template_key_value={"name": "Ann", "box": "A1"},
    )  # fmt: skip
    task = pushes.accept(workspace, request, **BY_TEST)
    assert "Only the first of 2 targets is copied." in copied(superuser, task).text
    Template.objects.update(title="Changed #name#", body="Changed #box#", uri="")
    assert "Enter these values again: box, name." in copied(superuser, task).text
    Template.objects.all().delete()
    assert "The template parcel does not exist any more." in copied(superuser, task).text


@pytest.mark.usefixtures("template")
def test_a_multiple_push_asks_for_its_file_again(superuser: Client, workspace: Workspace) -> None:
    target = TargetMessage(target="ann", msgkey="k", template_key_value={"name": "Ann", "box": "A1"})
    request = MultiplePush(delivery_type=3, expired_seconds=60, template_name="parcel", target_msg=[target])
    page = copied(superuser, pushes.accept(workspace, request, **BY_TEST))
    assert shown(page)["template"] == "parcel"
    assert "upload a file of them" in page.text


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(("status", "period"), [("0", "1"), ("1", "2"), ("1", "4")])
def test_a_broadcast_is_copied_with_its_audience(
    superuser: Client, workspace: Workspace, status: str, period: str
) -> None:
    [(known, _)] = registry.register([(workspace, DeviceInfo(platform=Platform.IOS, third_token="a" * 64))])
    Device.objects.filter(pk=known.id).update(third_channel=Channel.APNS)
    Binding.objects.create(workspace=workspace, device_id=known.id, user_id="ann", bound_at=timezone.now())
    request = BroadcastPush(
        delivery_type=2, expired_seconds=60, template_name="parcel", msgkey="k", push_status=int(status),
        template_key_value={"name": "Ann", "box": "A1"}, unbind_period=int(period) if status == "1" else None,
    )  # fmt: skip
    kept = shown(copied(superuser, pushes.accept(workspace, request, **BY_TEST)))
    assert (kept["platform"], kept["login_status"], kept["logout_period"]) == ("2", status, period)


def test_tasks_lead_to_their_copy_and_only_those_one_may_push_in(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    operator, task = member("operator"), mine[PushTask]
    for page in ("", f"{task.pk}/change/"):
        assert (
            f"/pushtask/{task.pk}/duplicate" in operator.get(f"/console/pushcore/pushtask/{page}", {"kind": "all"}).text
        )
    leads = operator.get(f"/console/pushcore/pushtask/{task.pk}/duplicate/")
    assert leads["Location"] == f"{CREATE}simple/?from={task.pk}"
    assert operator.get(f"{CREATE}simple/", {"from": theirs[PushTask].pk}).status_code == 404
    assert member("viewer").get(f"{CREATE}simple/", {"from": task.pk}).status_code == 403
    assert operator.get(f"{CREATE}simple/", {"from": "x"}).status_code == 404


def test_a_copy_is_no_schedule(superuser: Client, workspace: Workspace) -> None:
    request = SimplePush(delivery_type=3, expired_seconds=60, title="T", content="C", target_msgkey={"ann": "k"})
    assert shown(copied(superuser, pushes.accept(workspace, request, **BY_TEST)))["sending-when"] == "now"
    assert not Schedule.objects.exists()


def test_a_draft_is_called_by_what_tells_it_apart(workspace: Workspace) -> None:
    user = User.objects.create_user("author")
    typed = QueryDict("title=&template=parcel&draft=" + str(uuid.uuid4()))
    assert str(drafts.save(user.pk, workspace, "template", typed)) == "parcel"
    assert str(Draft(typed={})) == "Untitled"
