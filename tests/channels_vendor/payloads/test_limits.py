"""Limits that several vendors set: text, data, whole body and validity, each at n and n + 1."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_vendor.apns import payload as apns
from channels_vendor.base.delivery import Delivery
from channels_vendor.base.errors import TooBigError
from channels_vendor.base.payload_template import encode, longest_msgkeys
from channels_vendor.fcm import payload as fcm
from channels_vendor.harmonyos import payload as harmonyos
from channels_vendor.honor import payload as honor
from channels_vendor.huawei import payload as huawei
from channels_vendor.oppo import payload as oppo
from channels_vendor.vivo import payload as vivo
from channels_vendor.xiaomi import payload as xiaomi
from tests.channels_vendor.conftest import notification
from tests.channels_vendor.payloads.bodies import ACCOUNT, delivery, honor_body, oppo_message, vivo_message, xiaomi_form


@pytest.mark.parametrize(
    ("most", "text_of"),
    [
        (honor.MAX_TITLE, lambda title: honor_body(title=title)["notification"]["title"]),
        (xiaomi.MAX_TITLE, lambda title: xiaomi_form(title=title)["title"]),
        (oppo.MAX_TITLE, lambda title: oppo_message(title=title)["notification"]["title"]),
        (vivo.MAX_TITLE, lambda title: vivo_message(title=title)["title"]),
        (honor.MAX_BODY, lambda body: honor_body(body=body)["notification"]["body"]),
        (xiaomi.MAX_BODY, lambda body: xiaomi_form(body=body)["description"]),
        (oppo.MAX_BODY, lambda body: oppo_message(body=body)["notification"]["content"]),
        (vivo.MAX_BODY, lambda body: vivo_message(body=body)["content"]),
    ],
)
def test_a_text_is_cut_beyond_the_vendors_limit(most: int, text_of: Any) -> None:
    assert text_of("x" * most) == "x" * most
    longer = text_of("x" * (most + 1))
    assert longer.endswith("x…")
    assert len(longer) <= most


@pytest.mark.parametrize(
    ("most", "length_of"),
    [
        (xiaomi.MAX_PAYLOAD, lambda p: len(xiaomi_form(params=p)["payload"])),
        (oppo.MAX_DATA, lambda p: len(oppo.data_of(delivery(params=p)))),
        (vivo.MAX_DATA - len("data"), lambda p: len(vivo.data_of(delivery(params=p)))),
    ],
    ids=["xiaomi", "oppo", "vivo"],
)  # fmt: skip
def test_data_beyond_the_vendors_limit_is_refused(most: int, length_of: Any) -> None:
    empty = length_of({"p": ""})
    assert length_of({"p": "x" * (most - empty)}) == most
    with pytest.raises(TooBigError):
        length_of({"p": "x" * (most - empty + 1)})


@pytest.mark.parametrize(
    "size_of",
    [
        lambda **changes: _size(huawei.body_of(notification(**changes), "1", "k")),
        lambda **changes: _size(honor.body_of(notification(**changes), "1", "k")),
        lambda **changes: _size(harmonyos.body_of(notification(**changes), "", "1", "k")),
    ],
)
def test_a_body_fits_into_4096_bytes_or_is_refused(size_of: Any) -> None:
    assert size_of(body="长" * 5000) <= 4096
    assert size_of(params={"p": "x" * 2500}, body="b" * 5000) <= 4096
    assert size_of(params={"p": "x" * 5000}) is None


def _size(body: dict[str, Any] | None) -> int | None:
    if body is None or body.get("message", body) is None:
        return None
    return len(encode(body).encode())


@pytest.mark.parametrize("letter", ["k", "长", "\U0001f600", '"', "\x01"])
@pytest.mark.parametrize("silent", [False, True])
def test_a_body_is_shortened_for_the_longest_msgkey_of_those_that_share_it(letter: str, silent: bool) -> None:
    shared = notification(body="b" * 5000, silent=silent)
    batch = [Delivery(2**63 - 1 - n, n, "tok", key, shared) for n, key in enumerate(("k", letter * 64))]
    [longest] = longest_msgkeys(batch).values()
    parts, template = apns.request_template(shared, "com.example.shop", longest), fcm.template_of(shared, longest)
    assert parts is not None
    assert template is not None
    message = json.loads(template.render(batch[1]))["message"]
    del message["token"]
    for size in (len(parts.template.render(batch[1])), len(encode(message).encode())):
        assert 4090 <= size <= 4096


def test_validity_is_kept_within_the_vendors_bounds() -> None:
    for days, seconds in ((-1, 1), (60, None)):
        at = timezone.now() + timedelta(days=days)
        assert int(xiaomi.fields_of(notification(expire_at=at), ACCOUNT, "", "")["time_to_live"]) == 1000 * (
            seconds or xiaomi.MAX_TTL
        )
        assert oppo_message(expire_at=at)["notification"]["off_line_ttl"] == (oppo.MIN_TTL if seconds else oppo.MAX_TTL)
        assert vivo_message(expire_at=at)["timeToLive"] == (vivo.MIN_TTL if seconds else 86_400)
