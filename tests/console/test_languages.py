"""The console in Simplified Chinese: complete, chosen by the browser or by the user, and never in an API's answer."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation.template import templatize

from console import look
from console.models import AuditEntry
from mps_project.settings import LOCALE_PATHS
from pushcore.models import App

CONSOLE = Path(look.__file__).parent
CATALOG = Path(LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
HOME = reverse("admin:index")


def marked() -> Iterator[str]:
    """All texts of the console that are marked for translation."""
    for path in CONSOLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path}: {ast.unparse(node)}"
                yield str(node.args[0].value)
    for path in CONSOLE.rglob("*.html"):
        source = templatize(path.read_text())
        for quote, text in re.findall(r"gettext\(u?(['\"])(.*?)\1\)", source):
            yield text.replace(f"\\{quote}", quote)


def test_every_marked_text_is_translated() -> None:
    with (CATALOG / "django.mo").open("rb") as file:
        translated = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts = set(marked())
    assert len(texts) > 150
    assert sorted(text for text in texts if not translated.get(text)) == []


def test_no_translation_is_a_guess() -> None:
    assert "fuzzy" not in (CATALOG / "django.po").read_text()


@pytest.mark.django_db
def test_the_browsers_language_is_spoken() -> None:
    page = Client().get(reverse("admin:login"), headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "验证码" in page.text
    assert 'lang="zh-hans"' in page.text


def test_the_menu_and_home_are_in_chinese(superuser: Client) -> None:
    page = superuser.get(HOME, headers={"accept-language": "zh-CN"}).text
    for text in ("首页", "消息列表", "设备模拟器", "审计日志", "今日消息"):
        assert text in page
    assert "Push tasks" not in page


def test_the_users_choice_goes_before_the_browsers(superuser: Client) -> None:
    superuser.post(reverse("set_language"), {"language": "zh-hans", "next": HOME})
    assert "首页" in superuser.get(HOME, headers={"accept-language": "en"}).text


def test_the_audit_log_is_kept_in_english(superuser: Client, app: App) -> None:
    given = {"app_id": app.app_id, "name": "Renamed", "enabled": "on"}
    superuser.post(reverse("admin:pushcore_app_change", args=[app.pk]), given, headers={"accept-language": "zh-CN"})
    assert AuditEntry.objects.get(action="change").details == {"what": "Changed Name."}


def test_the_apis_speak_english_to_everybody(client: Client) -> None:
    answer = client.post(
        "/api/v1/push/simple", data="{}", content_type="application/json", headers={"accept-language": "zh-CN"}
    )
    assert answer.content.isascii()
    assert "Content-Language" not in answer.headers
