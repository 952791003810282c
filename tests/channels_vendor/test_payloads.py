"""What vendors are sent: their fields, and their limits at n and n + 1."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_vendor.apns import payload as apns
from channels_vendor.base.contract import Account, Delivery, Style
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.errors import NotPossibleError, TooBigError
from channels_vendor.base.payload_template import encode, longest_msgkeys
from channels_vendor.base.references import Reference
from channels_vendor.fcm import legacy as fcm_legacy
from channels_vendor.fcm import payload as fcm
from channels_vendor.harmonyos import payload as harmonyos
from channels_vendor.honor import payload as honor
from channels_vendor.huawei import payload as huawei
from channels_vendor.oppo import payload as oppo
from channels_vendor.vivo import payload as vivo
from channels_vendor.xiaomi import payload as xiaomi
from pushcore.channels import Channel
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.conftest import notification, prepared
from tests.channels_vendor.samples import SAMPLES

ACCOUNT = Account(1, Channel.XIAOMI, {"package_name": "com.example", "app_id": "10004"}, report_url="https://x/r/k")
RICH: dict[str, Any] = {
    "style": Style.RICH, "image": "https://x/i.png", "icon": "https://x/c.png", "badge": 5, "badge_class": "com.Main",
    "sound": "/raw/ding", "url": "https://shop.example/1", "params": {"order": "42"},
    "vendor_options": {
        "channelId": "orders", "miChannelId": "104", "classification": "1",
        "thirdChannelCategory": {
            "hms": "EXPRESS", "oppo": "ORDER", "vivo": "ORDER", "honor": "LOW", "harmonyos": "WORK"
        },
        "notifyLevel": {"oppo": "2"},
    },
}  # fmt: skip


def delivery(**changes: Any) -> Delivery:
    return Delivery(1001, 1, "tok", "key-1", notification(**changes))


def of_honor(**changes: Any) -> dict[str, Any]:
    return dict(honor.body_of(notification(**changes), "1001", "key-1") or {})


def of_xiaomi(**changes: Any) -> dict[str, str]:
    return xiaomi.fields_of(notification(**changes), ACCOUNT, "1001", "key-1")


def of_oppo(**changes: Any) -> dict[str, Any]:
    one = delivery(**changes)
    return dict(json.loads(oppo.template_of(one.notification, ACCOUNT).render(one, oppo.data_of(one))))


def of_vivo(**changes: Any) -> dict[str, Any]:
    one = delivery(**changes)
    return dict(json.loads(vivo.template_of(one.notification, ACCOUNT).render(one, vivo.data_of(one))))


def of_apns(**changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers."""
    one = delivery(**changes)
    parts = apns.parts_of(one.notification, "com.example.shop", one.msgkey)
    assert parts is not None
    return json.loads(parts.template.render(one)), dict(header.split(": ", 1) for header in parts.headers)


def of_fcm(**changes: Any) -> dict[str, Any]:
    """The message, less its token."""
    one = delivery(**changes)
    template = fcm.template_of(one.notification, one.msgkey)
    assert template is not None
    message = json.loads(template.render(one))["message"]
    assert message.pop("token") == "tok"
    return dict(message)


def test_apnss_notification_has_its_fields() -> None:
    body, headers = of_apns(**(RICH | {"vendor_options": {"threadId": "t", "apnsCategory": "ORDER"}}))
    assert body["aps"] == {
        "alert": {"title": "Title", "body": "Content"}, "badge": 5, "sound": "/raw/ding", "mutable-content": 1,
        "thread-id": "t", "category": "ORDER",
    }  # fmt: skip
    assert (body["image"], body["order"], body["url"]) == ("https://x/i.png", "42", "https://shop.example/1")
    assert (body["k"], body["msgKey"]) == ("1001", "key-1")
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("alert", "10")
    assert headers["apns-topic"] == "com.example.shop"
    at = timezone.now()
    _, headers = of_apns(expire_at=at)
    assert headers["apns-expiration"] == str(int(at.timestamp()))


def test_apnss_silent_notification_is_in_the_background() -> None:
    body, headers = of_apns(silent=True, badge=5, sound="x")
    assert body["aps"] == {"content-available": 1}
    assert (body["title"], body["content"]) == ("Title", "Content")
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("background", "5")


def test_apnss_alert_without_wishes_has_the_default_sound_and_no_badge() -> None:
    body, _ = of_apns(params={"subtitle": "Second"})
    assert body["aps"] == {"alert": {"title": "Title", "body": "Content", "subtitle": "Second"}, "sound": "default"}


@pytest.mark.parametrize(("given", "sent"), [("parcel-7", "parcel-7"), ("", "1001")])
def test_apnss_collapse_id_is_the_requests_else_the_messages(given: str, sent: str) -> None:
    sample = next(one for one in SAMPLES if one.name == "apns")
    account = Account(1, Channel.APNS, sample.values())
    adapter = sample.vendor.open(account, HttpClient(HttpSettings()), StaticCredential())
    one = delivery(vendor_options={"apnsCollapseId": given})._replace(token="ab" * 32)
    [request], _ = adapter.prepare([one], "credential")  # type: ignore[attr-defined]
    adapter.close()
    assert f"apns-collapse-id: {sent}".encode() in request.call.headers


def test_fcms_message_has_its_fields() -> None:
    message = of_fcm(**(RICH | {"icon": "parcel"}))
    assert message["notification"] == {"title": "Title", "body": "Content", "image": "https://x/i.png"}
    assert message["android"]["notification"] == {
        "tag": "1001", "channel_id": "orders", "sound": "/raw/ding", "icon": "parcel",
    }  # fmt: skip
    assert message["android"]["priority"] == "HIGH"
    assert 3590 <= int(message["android"]["ttl"].removesuffix("s")) <= 3600
    assert (message["data"]["order"], message["data"]["k"], message["data"]["msgKey"]) == ("42", "1001", "key-1")
    assert message["data"]["url"] == "https://shop.example/1"
    opened = of_fcm(opens_page=True, url="shop.OPEN", params={"google.x": "1", "from": "me"})
    assert opened["android"]["notification"]["click_action"] == "shop.OPEN"
    assert not {"google.x", "from"} & set(opened["data"])
    assert json.loads(opened["data"]["params"]) == {"google.x": "1", "from": "me"}


def test_fcms_silent_message_is_data_and_not_urgent() -> None:
    message = of_fcm(silent=True)
    assert "notification" not in message
    assert message["android"]["priority"] == "NORMAL"
    assert (message["data"]["title"], message["data"]["content"]) == ("Title", "Content")


def test_fcms_validity_is_kept_within_its_bounds() -> None:
    for days, ttl in ((-1, "0s"), (60, "2419200s")):
        assert of_fcm(expire_at=timezone.now() + timedelta(days=days))["android"]["ttl"] == ttl


@pytest.mark.parametrize("letter", ["k", "长", "\U0001f600", '"', "\x01"])
@pytest.mark.parametrize("silent", [False, True])
def test_a_body_is_shortened_for_the_longest_msgkey_of_those_that_share_it(letter: str, silent: bool) -> None:
    shared = notification(body="b" * 5000, silent=silent)
    batch = [Delivery(2**63 - 1 - n, n, "tok", key, shared) for n, key in enumerate(("k", letter * 64))]
    [longest] = longest_msgkeys(batch).values()
    parts, template = apns.parts_of(shared, "com.example.shop", longest), fcm.template_of(shared, longest)
    assert parts is not None
    assert template is not None
    message = json.loads(template.render(batch[1]))["message"]
    del message["token"]
    for size in (len(parts.template.render(batch[1])), len(encode(message).encode())):
        assert 4090 <= size <= 4096


@pytest.mark.parametrize("name", ["mutable-content", "mutablecontent"])
def test_mutable_content_is_apples_field_under_either_spelling(name: str) -> None:
    body, _ = of_apns(params={name: "1"})
    assert body["aps"]["mutable-content"] == 1
    assert name not in body
    body, _ = of_apns(params={name: "0"})
    assert "mutable-content" not in body["aps"]


def test_huaweis_message_has_its_fields() -> None:
    message = huawei.message_of(notification(**RICH), "1001", "key-1")
    assert message is not None
    android = message["android"]
    assert json.loads(message["data"])["order"] == "42"
    assert (android["category"], android["bi_tag"]) == ("EXPRESS", "m1001")
    assert android["notification"]["click_action"] == {"type": 2, "url": "https://shop.example/1"}
    assert (android["notification"]["channel_id"], android["notification"]["sound"]) == ("orders", "/raw/ding")
    assert android["notification"]["image"] == "https://x/i.png"
    big = huawei.message_of(
        notification(style=Style.BIG_TEXT, badge_add=200, badge_class="com.Main", opens_page=True, url="intent:#x"),
        "",
        "",
    )
    assert big is not None
    shown = big["android"]["notification"]
    assert (shown["style"], shown["big_body"], shown["badge"]) == (1, "Content", {"add_num": 99, "class": "com.Main"})
    assert shown["click_action"] == {"type": 1, "intent": "intent:#x"}
    assert "k" not in json.loads(big["data"])


def test_a_silent_message_shows_nothing() -> None:
    of_huawei = huawei.message_of(notification(silent=True), "1", "k")
    of_honor = honor.body_of(notification(silent=True), "1", "k")
    assert of_huawei is not None
    assert of_honor is not None
    for message in (of_huawei, of_honor):
        assert "notification" not in message
        assert "notification" not in message["android"]
        assert json.loads(message["data"])["content"] == "Content"
    body = harmonyos.body_of(notification(silent=True), "", "1", "k")
    assert body is not None
    assert list(body["payload"]) == ["extraData"]
    assert harmonyos.push_type(notification(silent=True)) == "6"
    assert xiaomi.fields_of(notification(silent=True), ACCOUNT, "1", "k")["pass_through"] == "1"
    for template_of in (oppo.template_of, vivo.template_of):
        with pytest.raises(NotPossibleError):
            template_of(notification(silent=True), ACCOUNT)


def test_harmonyoss_message_always_has_a_category() -> None:
    for changes, account, category in ((RICH, "IM", "WORK"), ({}, "IM", "IM"), ({}, "", "MARKETING")):
        body = harmonyos.body_of(notification(**changes), account, "1001", "k")
        assert body is not None
        assert body["payload"]["notification"]["category"] == category
        assert body["payload"]["notification"]["appMessageId"] == "1001"


def test_xiaomis_form_has_its_fields() -> None:
    fields = xiaomi.fields_of(notification(**RICH), ACCOUNT, "1001", "key-1")
    assert fields["restricted_package_name"] == "com.example"
    assert json.loads(fields["payload"])["k"] == "1001"
    assert (fields["extra.channel_id"], fields["extra.web_uri"]) == ("104", "https://shop.example/1")
    assert fields["extra.notification_bigPic_uri"] == "https://x/i.png"
    assert (fields["extra.callback"], fields["extra.callback.param"]) == ("https://x/r/k", "m1001")
    assert fields["extra.callback.type"] == str(1 + 16 + 32 + 64 + 128 + 1024)
    assert (fields["notify_type"], fields["extra.sound_uri"]) == ("1", "/raw/ding")
    assert 3_590_000 <= int(fields["time_to_live"]) <= 3_600_000


def test_oppos_message_has_its_fields() -> None:
    message = of_oppo(**RICH)
    shown = message["notification"]
    assert (message["target_type"], message["target_value"], shown["app_message_id"]) == (2, "tok", "1001")
    assert (shown["channel_id"], shown["category"], shown["notify_level"]) == ("orders", "ORDER", 2)
    assert (shown["click_action_type"], shown["click_action_url"]) == (2, "https://shop.example/1")
    assert json.loads(shown["action_parameters"])["order"] == "42"
    assert of_oppo(opens_page=True, url="com.example.Main")["notification"]["click_action_type"] == 4
    assert of_oppo(opens_page=True, url="shop://order/1")["notification"]["click_action_type"] == 5


def test_vivos_message_has_its_fields() -> None:
    message = of_vivo(**RICH)
    assert (message["appId"], message["regId"], message["requestId"]) == (10004, "tok", "1001")
    assert (message["classification"], message["category"]) == (1, "ORDER")
    assert (message["skipType"], message["skipContent"]) == (2, "https://shop.example/1")
    assert json.loads(message["clientCustomMap"]["data"])["order"] == "42"
    assert message["extra"] == {"callback": "https://x/r/k", "callback.param": "m1001"}


@pytest.mark.parametrize(
    ("most", "text_of"),
    [
        (honor.MAX_TITLE, lambda title: of_honor(title=title)["notification"]["title"]),
        (xiaomi.MAX_TITLE, lambda title: of_xiaomi(title=title)["title"]),
        (oppo.MAX_TITLE, lambda title: of_oppo(title=title)["notification"]["title"]),
        (vivo.MAX_TITLE, lambda title: of_vivo(title=title)["title"]),
        (honor.MAX_BODY, lambda body: of_honor(body=body)["notification"]["body"]),
        (xiaomi.MAX_BODY, lambda body: of_xiaomi(body=body)["description"]),
        (oppo.MAX_BODY, lambda body: of_oppo(body=body)["notification"]["content"]),
        (vivo.MAX_BODY, lambda body: of_vivo(body=body)["content"]),
    ],
)
def test_a_text_may_be_as_long_as_the_vendor_says_and_is_cut_beyond(most: int, text_of: Any) -> None:
    assert text_of("x" * most) == "x" * most
    longer = text_of("x" * (most + 1))
    assert longer.endswith("x…")
    assert len(longer) <= most


def of_vivo_with(values: dict[str, str], **changes: Any) -> dict[str, Any]:
    one = delivery(**changes)
    account = Account(1, Channel.VIVO, {"app_id": "10004"} | values)
    return dict(json.loads(vivo.template_of(one.notification, account).render(one, vivo.data_of(one))))


def test_vivo_counts_characters_unless_the_account_counts_chinese_ones_as_two() -> None:
    assert of_vivo(title="长" * 40)["title"] == "长" * 40
    older = {"text_width": vivo.CHINESE_AS_TWO}
    assert of_vivo_with(older, title="长" * 20)["title"] == "长" * 20
    assert vivo.width(of_vivo_with(older, title="长" * 21)["title"]) <= vivo.MAX_TITLE


def test_vivo_keeps_a_message_a_day_unless_the_account_is_granted_seven() -> None:
    at = timezone.now() + timedelta(days=60)
    assert of_vivo(expire_at=at)["timeToLive"] == 86_400
    assert of_vivo_with({"max_ttl": "7 days"}, expire_at=at)["timeToLive"] == 604_800


@pytest.mark.parametrize("opens_page", [False, True])
def test_an_address_too_long_for_vivo_is_refused_rather_than_left_out(opens_page: bool) -> None:
    url = "https://x/".ljust(vivo.MAX_SKIP, "a")
    kind = 4 if opens_page else 2
    assert of_vivo(url=url, opens_page=opens_page)["skipContent"] == url
    assert of_vivo(url=url, opens_page=opens_page)["skipType"] == kind
    with pytest.raises(TooBigError):
        of_vivo(url=url + "a", opens_page=opens_page)


@pytest.mark.parametrize(
    ("wish", "sent"),
    [
        ("", {"off_line": True, "off_line_ttl": 3600}),
        (oppo.ONLINE_ONLY, {"off_line": False}),
        (oppo.AS_IT_IS, {"off_line": True, "off_line_ttl": 600}),
    ],
)
def test_a_validity_under_an_hour_becomes_what_the_oppo_account_says(wish: str, sent: dict[str, Any]) -> None:
    one = delivery(expire_at=timezone.now() + timedelta(seconds=600.9))
    account = Account(1, Channel.OPPO, {"short_validity": wish})
    shown = json.loads(oppo.template_of(one.notification, account).render(one, oppo.data_of(one)))["notification"]
    assert {name: shown[name] for name in ("off_line", "off_line_ttl") if name in shown} == sent


@pytest.mark.parametrize(
    ("opens_page", "beginning", "most"),
    [(False, "https://x/", oppo.MAX_URL), (True, "shop://x/", oppo.MAX_URL), (True, "com.x.", oppo.MAX_ACTIVITY)],
)
def test_an_address_too_long_for_oppo_spoils_no_other_message_of_its_call(
    opens_page: bool, beginning: str, most: int
) -> None:
    sample = next(one for one in SAMPLES if one.vendor.channel == Channel.OPPO)
    fits, longer = (
        delivery(url=beginning.ljust(length, "a"), opens_page=opens_page)._replace(message_id=length)
        for length in (most, most + 1)
    )
    assert prepared(sample, [fits, longer]) == [[fits]]


@pytest.mark.parametrize(("style", "most"), [(Style.PLAIN, 50), (Style.BIG_TEXT, 128)])
def test_a_body_for_oppo_is_as_long_as_the_account_says(style: Style, most: int) -> None:
    one = delivery(style=style, body="b" * 200)
    for values, length in (({}, 200), ({"body_length": oppo.BY_STYLE}, most)):
        template = oppo.template_of(one.notification, Account(1, Channel.OPPO, values))
        assert len(json.loads(template.render(one, "{}"))["notification"]["content"]) == length


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("com.example.OPEN_ORDER", "action"),
        ("shop://order/7", "action"),
        ("intent://order#Intent;scheme=shop;end", "intent"),
        ("shop://order#Intent;package=com.example;end", "intent"),
    ],
)
def test_huawei_and_honor_are_told_a_page_as_an_action_unless_it_is_an_intent_uri(url: str, named: str) -> None:
    message = huawei.message_of(notification(opens_page=True, url=url), "1001", "k")
    assert message is not None
    assert message["android"]["notification"]["click_action"] == {"type": 1, named: url}
    assert of_honor(opens_page=True, url=url)["android"]["notification"]["clickAction"] == {"type": 1, named: url}


@pytest.mark.parametrize(
    ("page", "uri"),
    [
        (".OrderActivity", "intent:#Intent;component=com.example/.OrderActivity;end"),
        ("com.example.Order", "intent:#Intent;component=com.example/com.example.Order;end"),
        ("shop://order/7", "shop://order/7"),
        ("intent:#Intent;action=x;end", "intent:#Intent;action=x;end"),
    ],
)
def test_xiaomi_is_told_a_page_by_an_intent_uri(page: str, uri: str) -> None:
    fields = of_xiaomi(opens_page=True, url=page)
    assert (fields["extra.notify_effect"], fields["extra.intent_uri"]) == ("2", uri)


@pytest.mark.parametrize(
    "size_of",
    [
        lambda **changes: _size({"message": huawei.message_of(notification(**changes), "1", "k")}),
        lambda **changes: _size(honor.body_of(notification(**changes), "1", "k")),
        lambda **changes: _size(harmonyos.body_of(notification(**changes), "", "1", "k")),
    ],
)
def test_a_body_fits_into_4096_bytes_or_is_refused(size_of: Any) -> None:
    assert size_of(body="长" * 5000) <= 4096
    assert size_of(params={"p": "x" * 2500}, body="b" * 5000) <= 4096
    assert size_of(params={"p": "x" * 5000}) is None


@pytest.mark.parametrize(
    ("made", "click_of", "data_of"),
    [
        (
            lambda **changes: huawei.message_of(notification(**changes), "1001", "k"),
            lambda body: body["android"]["notification"]["click_action"],
            lambda body: json.loads(body["data"]),
        ),
        (
            lambda **changes: honor.body_of(notification(**changes), "1001", "k"),
            lambda body: body["android"]["notification"]["clickAction"],
            lambda body: json.loads(body["data"]),
        ),
        (
            lambda **changes: harmonyos.body_of(notification(**changes), "", "1001", "k"),
            lambda body: body["payload"]["notification"]["clickAction"],
            lambda body: body["payload"]["notification"]["clickAction"]["data"],
        ),
    ],
    ids=["huawei", "honor", "harmonyos"],
)
def test_an_address_that_has_no_room_twice_is_the_vendors_to_open(made: Any, click_of: Any, data_of: Any) -> None:
    """2,048 characters are what the API takes."""
    url = "shop://order/".ljust(2048, "x")
    body = made(url=url, opens_page=True)
    assert url in click_of(body).values()
    assert "url" not in data_of(body)
    assert data_of(made(url="shop://order/7", opens_page=True))["url"] == "shop://order/7"


def test_of_a_message_that_is_not_shown_the_app_gets_the_address() -> None:
    message = huawei.message_of(notification(url="https://x/".ljust(2048, "x"), silent=True), "1001", "k")
    assert message is not None
    assert len(json.loads(message["data"])["url"]) == 2048


def _size(body: dict[str, Any] | None) -> int | None:
    if body is None or body.get("message", body) is None:
        return None
    return len(encode(body).encode())


@pytest.mark.parametrize(
    ("most", "made"),
    [
        (xiaomi.MAX_PAYLOAD, lambda p: len(of_xiaomi(params=p)["payload"])),
        (oppo.MAX_DATA, lambda p: len(oppo.data_of(delivery(params=p)))),
        (vivo.MAX_DATA - len("data"), lambda p: len(vivo.data_of(delivery(params=p)))),
    ],
    ids=["xiaomi", "oppo", "vivo"],
)  # fmt: skip
def test_data_may_be_as_long_as_the_vendor_says_and_is_refused_beyond(most: int, made: Any) -> None:
    empty = made({"p": ""})
    assert made({"p": "x" * (most - empty)}) == most
    with pytest.raises(TooBigError):
        made({"p": "x" * (most - empty + 1)})


def test_validity_is_kept_within_the_vendors_bounds() -> None:
    for days, seconds in ((-1, 1), (60, None)):
        at = timezone.now() + timedelta(days=days)
        assert int(xiaomi.fields_of(notification(expire_at=at), ACCOUNT, "", "")["time_to_live"]) == 1000 * (
            seconds or xiaomi.MAX_TTL
        )
        assert of_oppo(expire_at=at)["notification"]["off_line_ttl"] == (oppo.MIN_TTL if seconds else oppo.MAX_TTL)
        assert of_vivo(expire_at=at)["timeToLive"] == (vivo.MIN_TTL if seconds else 86_400)


def test_a_repeat_takes_the_place_of_the_first() -> None:
    assert Reference(456359976598785573).notify_id == Reference(456359976598785573).notify_id
    assert len({Reference(number).notify_id for number in range(2**40, 2**40 + 1000)}) == 1000
    assert all(0 < Reference(number).notify_id < 2**31 for number in range(1000))


MARKED: dict[str, Any] = {
    "huawei": lambda message_id: _found(huawei.message_of(notification(), message_id, "k"), "notify_id", "bi_tag"),
    "honor": lambda message_id: _found(honor.body_of(notification(), message_id, "k"), "notifyId", "biTag"),
    "harmonyos": lambda message_id: _found(harmonyos.body_of(notification(), "", message_id, "k"), "notifyId", "biTag"),
    "xiaomi": lambda message_id: _found(
        xiaomi.fields_of(notification(), ACCOUNT, message_id, "k"), "notify_id", "extra.callback.param"
    ),
}


def _found(body: Any, *names: str) -> list[str]:
    """The values under these names, wherever they stand."""
    if not isinstance(body, dict):
        return []
    here = [str(body[name]) for name in names if name in body]
    return here + [value for part in body.values() for value in _found(part, *names)]


@pytest.mark.parametrize("vendor", MARKED)
def test_a_message_called_alone_goes_by_its_own_id_and_one_of_several_by_the_tasks(vendor: str) -> None:
    alone, other, shared = (MARKED[vendor](message_id) for message_id in ("1001", "1002", ""))
    assert sorted(alone) == sorted(["m1001", str(Reference(1001).notify_id)])
    assert not set(alone) & set(other)
    assert sorted(shared) == sorted(["t7", str(Reference(task_id=7).notify_id)])


def test_where_each_target_has_a_message_of_its_own_it_goes_by_its_own_id() -> None:
    for message in (of_oppo(), of_vivo()):
        own = [*_found(message, "notify_id", "notifyId"), *_found(message, "call_back_parameter", "callback.param")]
        assert own == [str(Reference(1001).notify_id), "m1001"]


def test_a_multiple_push_to_oppo_shares_calls_and_another_task_has_its_own() -> None:
    sample = next(one for one in SAMPLES if one.vendor.channel == Channel.OPPO)
    batch = [Delivery(n, n, f"CN_{n % 700}", f"k{n}", notification(title=f"To {n}", task_id=7)) for n in range(1400)]
    other = Delivery(9999, 1, "CN_1", "k", notification(task_id=8))
    calls = prepared(sample, [*batch, other])
    # No registration ID twice in a call: its results are told apart by them.
    assert [len(call) for call in calls] == [700, 700, 1]
    assert [one for call in calls for one in call] == [*batch, other]


def _harmony_facts(**changes: Any) -> dict[str, Any]:
    body = harmonyos.body_of(notification(**changes), "", "1001", "key-1")
    assert body is not None
    shown = body["payload"].get("notification")
    return dict(shown["clickAction"]["data"] if shown else json.loads(body["payload"]["extraData"]))


# What the app gets at each vendor.
FACTS: dict[str, Any] = {
    "apns": lambda **changes: of_apns(**changes)[0],
    "fcm": lambda **changes: of_fcm(**changes)["data"],
    "huawei": lambda **changes: json.loads((huawei.message_of(notification(**changes), "1001", "key-1") or {})["data"]),
    "honor": lambda **changes: json.loads(of_honor(**changes)["data"]),
    "harmonyos": _harmony_facts,
    "xiaomi": lambda **changes: json.loads(of_xiaomi(**changes)["payload"]),
    "oppo": lambda **changes: json.loads(of_oppo(**changes)["notification"]["action_parameters"]),
    "vivo": lambda **changes: json.loads(of_vivo(**changes)["clientCustomMap"]["data"]),
}
TAKEN = {
    "style": "dark", "k": "v", "msgKey": "mine", "url": "https://mine", "title": "t", "content": "c", "image": "i",
    "params": "p", "channelId": "ch",
}  # fmt: skip
KEPT_BY = {"fcm": {"from": "me", "google.x": "1", "gcm.y": "2", "collapse_key": "z"}, "apns": {"aps": "{}"}}


@pytest.mark.parametrize("vendor", FACTS)
@pytest.mark.parametrize("silent", [False, True])
def test_extension_parameters_with_names_of_ours_or_the_vendors_reach_the_app_under_params(
    vendor: str, silent: bool
) -> None:
    if silent and vendor in ("oppo", "vivo"):
        pytest.skip("shows all")
    kept, others = KEPT_BY.get(vendor, {}), {"order": "42", "from_x": "7"}
    custom_data = FACTS[vendor](params=TAKEN | kept | others, url="https://shop.example/1", silent=silent)
    assert json.loads(custom_data["params"]) == TAKEN | kept
    assert others.items() <= custom_data.items()
    assert (custom_data["k"], custom_data["msgKey"], custom_data["url"], custom_data["style"]) == (
        "1001", "key-1", "https://shop.example/1", "0",
    )  # fmt: skip
    # Names that another vendor keeps are plain ones here.
    foreign = {name: value for other, names in KEPT_BY.items() if other != vendor for name, value in names.items()}
    assert foreign.items() <= FACTS[vendor](params=foreign, silent=silent).items()


@pytest.mark.parametrize("vendor", FACTS)
def test_without_such_names_nothing_is_nested(vendor: str) -> None:
    custom_data = FACTS[vendor](params={"order": "42"}, vendor_options={"channelId": "orders"})
    assert custom_data["order"] == "42"
    assert "params" not in custom_data
    # Where a vendor has no field for it, the app knows it at least.
    assert custom_data["channelId"] == "orders"


@pytest.mark.parametrize(("given", "urgency"), [({}, "NORMAL"), ({"transparentMessageUrgency": "high"}, "HIGH")])
def test_what_is_handed_through_is_all_the_app_gets_and_nothing_is_shown(given: dict[str, str], urgency: str) -> None:
    through: dict[str, Any] = {"transparent": {"kind": "sync", "since": 7}, "vendor_options": given}
    text = '{"kind":"sync","since":7}'
    message = huawei.message_of(notification(**through), "1001", "k")
    assert message is not None
    assert (message["data"], message["android"]["urgency"]) == (text, urgency)
    assert "notification" not in message
    assert "notification" not in message["android"]
    body = of_honor(**through)
    assert body["data"] == text
    assert set(body) == {"data", "android"}
    assert "notification" not in body["android"]
    found = of_fcm(**through)
    assert found["data"] == {"kind": "sync", "since": "7"}
    assert found["android"]["priority"] == urgency
    assert set(found) == {"data", "android"}
    told = harmonyos.body_of(notification(**through), "", "1001", "k")
    assert told is not None
    assert told["payload"] == {"extraData": text}
    assert harmonyos.push_type(notification(**through)) == harmonyos.BACKGROUND
    legacy = fcm_legacy.body_of(notification(**through), "1001", "k")
    assert legacy is not None
    assert (legacy["data"], legacy["priority"]) == ({"kind": "sync", "since": "7"}, urgency.lower())
    assert "notification" not in legacy


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        ("wake up", {"data": "wake up"}),
        ('{"a": 1, "b": "x"}', {"a": "1", "b": "x"}),
        ({"from": "me", "a": "1"}, {"a": "1", "params": '{"from":"me"}'}),
    ],
)
def test_fcm_takes_what_is_handed_through_as_texts(payload: Any, data: dict[str, str]) -> None:
    assert of_fcm(transparent=payload)["data"] == data


def test_huaweis_importance_is_the_level_asked_for() -> None:
    for level, importance in (("1", "LOW"), ("2", "NORMAL"), ("", None)):
        message = huawei.message_of(notification(vendor_options={"notifyLevel": {"hms": level}}), "1001", "k")
        assert message is not None
        assert message["android"]["notification"].get("importance") == importance


def test_codes_of_the_cloud_are_told_in_the_vendors_words() -> None:
    options = {"thirdChannelCategory": {"hms": "9", "harmonyos": "12"}}
    message = huawei.message_of(notification(vendor_options=options), "1001", "k")
    body = harmonyos.body_of(notification(vendor_options=options), "", "1001", "k")
    assert message is not None
    assert body is not None
    assert message["android"]["category"] == "FINANCE"
    assert body["payload"]["notification"]["category"] == "CUSTOMER_SERVICE"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, (1, None)),
        ({"classification": "0"}, (0, None)),
        ({"thirdChannelCategory": {"vivo": "NEWS"}}, (None, "NEWS")),
        ({"classification": "0", "thirdChannelCategory": {"vivo": "NEWS"}}, (0, "NEWS")),
    ],
)
def test_a_message_to_vivo_is_a_system_one_unless_said_otherwise(options: dict[str, Any], told: Any) -> None:
    message = of_vivo(vendor_options=options)
    assert (message.get("classification"), message.get("category")) == told
