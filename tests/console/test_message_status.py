"""Statuses in an operator's words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.components.message_status import status_advice, status_label, status_word
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.causes import Cause
from pushcore.models import Message
from tests.console.conftest import Everything


def label_of(message: Message, **changes: object) -> str:
    for name, value in changes.items():
        setattr(message, name, value)
    return str(status_label(message))


@pytest.mark.parametrize(
    ("changes", "word", "colour"),
    [
        ({"status": 0}, "Waiting for the device", "amber"),
        ({"status": 1}, "Waiting for the user&#x27;s device", "amber"),
        ({"status": 2}, "Delivered", "green"),
        ({"status": 2, "channel": 4}, "Accepted by Xiaomi", "green"),
        ({"status": 2, "channel": 4, "arrived_at": timezone.now()}, "Arrived through Xiaomi", "green"),
        ({"status": -2}, "Revoked", "grey"),
        ({"status": -3}, "Expired", "grey"),
        ({"status": 0, "expire_at": timezone.now() - timedelta(seconds=1)}, "Expired", "grey"),
        ({"status": 20301, "channel": 4}, "Invalid target", "red"),
        ({"status": -2, "channel": 7}, "Service is under traffic control", "red"),
        ({"status": 424242, "channel": 4}, "Status 424242", "red"),
    ],
)
def test_a_status_is_said_in_words(mine: Everything, changes: dict[str, object], word: str, colour: str) -> None:
    text = label_of(mine[Message], **{"arrived_at": None} | changes)
    assert f">{word}</span>" in text
    assert f"console-{colour}" in text


def test_code_and_name_are_shown_on_hover(mine: Everything) -> None:
    assert 'title="0 DeviceNotOnlineOrNoResponse: device offline' in label_of(mine[Message], status=0)


def test_words_are_in_the_users_language(mine: Everything) -> None:
    with override("zh-hans"):
        assert ">等待设备</span>" in label_of(mine[Message], status=0)
        assert ">小米已接收</span>" in label_of(mine[Message], status=2, channel=4, arrived_at=None)


def test_every_status_has_a_cause_so_that_the_report_can_say_what_to_do() -> None:
    without = [status for status in statuses.STATUSES.values() if status.cause is Cause.UNKNOWN]
    assert [status.code for status in without] == [statuses.UNKNOWN]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_status_has_a_word_and_advice_in_both_languages(language: str) -> None:
    channels = {channel.label: channel for channel in Channel}
    with override(language):
        for status in statuses.STATUSES.values():
            texts = status_word(status, channels[status.channel]), status_advice(status)
            assert all(texts)
            if language == "zh-hans":
                assert not any(text.isascii() for text in texts), status


def test_a_message_that_has_expired_says_so_on_every_page(superuser: Client, mine: Everything) -> None:
    message = mine[Message]
    past = timezone.now() - timedelta(seconds=1)
    Message.objects.filter(pk=message.pk).update(status=0, expire_at=past)
    for address in (
        "/console/",
        reverse("admin:pushcore_message_changelist"),
        reverse("admin:pushcore_message_change", args=[message.pk]),
        f"{reverse('admin:query_tool')}?dimension=user&target={message.target}",
        reverse("admin:pushcore_pushtask_change", args=[message.task_id]),
    ):
        text = superuser.get(address).text
        assert ">Expired</span>" in text, address
        assert "Waiting for the device" not in text, address
