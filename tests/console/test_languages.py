"""The console in Simplified Chinese: complete, chosen by the browser or by the user, and never in an API's answer."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Group, User
from django.db.models import Field
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language, gettext, override
from django.utils.translation.template import templatize

import analytics
import channels_vendor
import console
import pushcore
import sms
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.components.refusals import refusal
from console.models import AuditEntry
from console.pages.create.explanations import explain
from console.theme import settings as theme
from mps_project.settings import LOCALE_PATHS
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import App, Message, PushTask, Template, Workspace
from tests.console.conftest import Everything

CONSOLE = Path(console.__file__).parent
# Whose texts the console shows.
PACKAGES = [Path(package.__path__[0]) for package in (console, pushcore, channels_vendor, analytics, sms)]
CATALOG = Path(LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
HOME = reverse("admin:index")
MARKS = ("_", "gettext", "gettext_lazy", "gettext_noop")
# What is called the same in Chinese.
NAMES = {"ID", "URL", "AccessKey ID", "Ad-token", "iOS", "Android"}
# What things are called, by the English noun.
WORD_OF = {
    "account": "账号",
    "binding": "绑定",
    "broadcast": "广播",
    "callback": "回调",
    "channel": "通道",
    "certificate": "证书",
    "member": "成员",
    "operator": "操作员",
    "placeholder": "占位符",
    "receipt": "回执",
    "schedule": "定时任务",
    "template": "模板",
    "workspace": "工作空间",
}
VALUES = re.compile(r"%\(\w+\)s|{\w+}|`[^`]*`")
# Sentences that go without.
WITHOUT_THE_WORD = {
    "A signed receipt with msgId callback-test is posted to %(url)s. It speaks of no message.",
    "Mark what differs from push to push in title, body and URL as #placeholder#.",
    "Nothing to do for single devices: the app gets a new token when it is opened. If many devices say so, compare the"
    " app's vendor settings and environment with the account under Channels.",
    "self-built channel: the device confirmed receipt; third-party channel: the vendor gateway accepted the call",
}
# The same in English but for its form, and two things: a number and a state, a heading and what is done there.
NAMED_BY_FORM = {
    "app id", "arrived", "bound", "change", "day", "ignored", "now", "opened", "outcome", "record",
    "schedule", "secret sealed", "select a template",
}  # fmt: skip
# In a template's filter, and a text of Django's own.
MARKED_OTHERWISE = {
    "Unknown browser",
    "Welcome back to",
    "Deleting the %(object_name)s '%(escaped_object)s' would require deleting the following protected related objects:",
}
CHINESE = re.compile("[\\u4e00-\\u9fff]")


def marked() -> Iterator[str]:
    """Find all texts that are marked for translation."""
    for path in (path for package in PACKAGES for path in package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                if node.func.id != "_" and not isinstance(node.args[0], ast.Constant):
                    continue  # marked where the text is defined
                assert isinstance(node.args[0], ast.Constant), f"{path}: {ast.unparse(node)}"
                yield str(node.args[0].value)
    for path in CONSOLE.rglob("*.html"):
        source = templatize(path.read_text())
        for quote, text in re.findall(r"(?<!n)gettext\(u?(['\"])(.*?)\1\)", source):
            yield text.replace(f"\\{quote}", quote)


@cache
def translations() -> dict[str, str]:
    with (CATALOG / "django.mo").open("rb") as file:
        found: dict[str, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return found


def phrases() -> dict[str, str]:
    """Return the translations but for those of numbers, which have forms of their own."""
    return {text: said for text, said in translations().items() if isinstance(text, str) and text}


def test_every_marked_text_is_translated() -> None:
    texts = set(marked())
    assert len(texts) > 150
    assert sorted(text for text in texts if not translations().get(text)) == []


def test_every_text_of_the_catalog_is_marked_somewhere() -> None:
    assert set(phrases()) - set(marked()) == MARKED_OTHERWISE


def sentences_in_plain(template: str) -> list[str]:
    """Find what a template says in two words or more without marking it for translation."""
    code = r"<(code|pre)\b.*?</\1>|<[^>]*material-symbols[^>]*>[^<]*<"
    marked = r"{% blocktranslate.*?{% endblocktranslate %}|{% comment.*?{% endcomment %}|{#.*?#}|{%.*?%}|{{.*?}}"
    text = re.sub(marked, "", re.sub(code, "<", template, flags=re.DOTALL), flags=re.DOTALL)
    said = re.findall(r">([^<>]+)<", f">{text}<") + re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]+)"', text)
    return [part.strip() for part in said if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", part)]


def test_no_sentence_of_a_template_is_left_unmarked() -> None:
    said = {path.name: sentences_in_plain(path.read_text()) for path in CONSOLE.rglob("*.html")}
    assert len(said) > 20
    assert {name: found for name, found in said.items() if found} == {}


def test_no_translation_is_a_guess() -> None:
    assert "fuzzy" not in (CATALOG / "django.po").read_text() + (CATALOG / "djangojs.po").read_text()


def test_a_thing_has_one_word_in_chinese() -> None:
    """Wherever English names the thing, Chinese does so with its word."""
    others = {
        text: said
        for text, said in phrases().items()
        for noun, word in WORD_OF.items()
        if re.search(rf"\b{noun}s?\b", VALUES.sub("", text), re.IGNORECASE)
        and word not in said
        and text not in WITHOUT_THE_WORD
    }
    assert others == {}


def test_one_text_has_one_translation_however_it_is_written() -> None:
    """Capitals, the plural and a full stop make no difference to what is named."""
    found: dict[str, set[str]] = defaultdict(set)
    for text, said in phrases().items():
        found[re.sub(r"s\b", "", text.lower().strip(".:"))].add(said.strip("。："))
    assert {text for text, said in found.items() if len(said) > 1} == NAMED_BY_FORM


def test_chinese_sentences_have_chinese_punctuation() -> None:
    beside = re.compile("[\u4e00-\u9fff] ?[,;:!?]|[,;!?] ?[\u4e00-\u9fff]|[\u4e00-\u9fff][()]|\\([\u4e00-\u9fff]")
    # The form of a line of a file is named as it is typed.
    assert [said for said in phrases().values() if beside.search(said) and "=值" not in said] == []


def test_every_word_of_a_script_is_translated_and_served() -> None:
    texts = {
        text
        for path in (CONSOLE / "static" / "console").glob("*.js")
        for text in re.findall(r'gettext\("([^"]*)"\)', path.read_text())
    }
    assert len(texts) > 10
    served = Client().get(reverse("console_script_texts"), headers={"accept-language": "zh-CN"}).text
    catalog = json.loads(served.split("const newcatalog = ", 1)[1].split(";\n", 1)[0])
    assert sorted(text for text in texts if not spoken(catalog.get(text, text))) == []


def spoken(words: str) -> bool:
    """Whether it is Chinese, or a name that is the same in Chinese: of the channels the catalog has these."""
    channels = {translations().get(channel.label) for channel in VENDORS}
    return not words or words in NAMES | channels or bool(CHINESE.search(words))


def test_every_word_of_a_models_page_is_in_chinese() -> None:
    english = []
    with override("zh-hans"):
        for model in admin.site._registry:
            fields = [field for field in model._meta.get_fields() if isinstance(field, Field)]
            words = [str(model._meta.verbose_name), str(model._meta.verbose_name_plural)]
            words += [str(text) for field in fields for text in (field.verbose_name, field.help_text)]
            words += [str(text) for field in fields for _, text in field.flatchoices]
            english += [f"{model.__name__}: {text}" for text in words if not spoken(text)]
    assert english == []


def test_every_field_of_a_vendors_form_is_in_chinese() -> None:
    english = []
    for vendor in VENDORS.values():
        words = [text for entry in vendor.fields for text in (entry.label, entry.help_text)]
        english += [text for text in [*words, vendor.title, vendor.closed_note] if text and text not in translations()]
    assert english == []


def test_columns_and_sidebar_of_a_list_are_in_chinese(superuser: Client, mine: Everything) -> None:
    with override("zh-hans"):
        menu = [str(item["title"]) for group in theme.NAVIGATION for item in group["items"]]
    assert menu
    english = {"sidebar": [text for text in menu if not spoken(text)]}
    for model in admin.site._registry:
        if model in (User, Group):
            continue
        at = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = superuser.get(at, headers={"accept-language": "zh-CN"})
        shown = page.context["cl"].model_admin.get_list_display(page.wsgi_request)
        with override("zh-hans"):
            heads = [str(label_for_field(name, model, page.context["cl"].model_admin)) for name in shown]
        english[model.__name__] = [text for text in heads if not spoken(text)]
    assert {name: texts for name, texts in english.items() if texts} == {}


def test_labels_and_headings_of_an_objects_page_are_in_chinese(superuser: Client, mine: Everything) -> None:
    for model in (Message, PushTask, Template, VendorAccount, Workspace):
        at = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[mine[model].pk])
        page = superuser.get(at, headers={"accept-language": "zh-CN"})
        fieldsets = list(page.context["adminform"])
        fields = [entry for fieldset in fieldsets for line in fieldset for entry in line]
        with override("zh-hans"):
            words = [str(fieldset.name or "") for fieldset in fieldsets]
            # A label is a tag, of which the text counts.
            words += [re.sub("<[^>]*>", "", str(entry.label_tag())).strip(" \n:：*") for entry in fields]
        assert len(words) > 5, model
        assert [text for text in words if not spoken(text)] == [], model


def test_every_status_is_explained_in_chinese() -> None:
    with override("zh-hans"):
        english = [status.meaning for status in statuses.STATUSES.values() if not spoken(gettext(status.meaning))]
    assert english == []


def test_a_refusal_is_said_in_chinese() -> None:
    exists = ResultError(ResultCode.TEMPLATE_ALREADY_EXIST, "greeting")
    with override("zh-hans"):
        assert explain(ResultError(ResultCode.NEED_FILE)).sentence == "请选择至少有一行内容的文件。"
        assert refusal(exists) == "模板已存在: greeting"
    with override("en"):
        assert refusal(exists) == "Template already exists: greeting"


@pytest.mark.django_db
def test_the_browsers_language_is_spoken() -> None:
    page = Client().get(reverse("admin:login"), headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "密码" in page.text
    assert 'lang="zh-hans"' in page.text


def test_the_menu_and_home_are_in_chinese(superuser: Client) -> None:
    page = superuser.get(HOME, headers={"accept-language": "zh-CN"}).text
    for text in ("首页", "消息", "设备模拟器", "审计日志", "今日推送"):
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


def test_an_api_call_after_a_chinese_page_is_answered_in_english(superuser: Client) -> None:
    superuser.get(HOME, headers={"accept-language": "zh-CN"})
    assert get_language() == "zh-hans"
    superuser.post("/api/v1/push/simple", data="{}", content_type="application/json")
    assert get_language() == "en"


WORDS = re.compile(r">([^<>]*[A-Za-z]{3}[^<>]*)<")
# Names of codes and what operators entered themselves; names of keys; the languages, each in its own.
SAME = re.compile(
    r"-?\d+ \w+|\{.*|ONEX\w+-test|[0-9a-f]{60}|(user|key)-\d+|Parcel|root|task|Esc|Ctrl|English|zh-hans|UTC", re.DOTALL
)


@pytest.mark.parametrize("address", ["pushcore/message/", "pushcore/pushtask/", "channels_vendor/vendoraccount/add/"])
def test_no_english_is_left_on_a_page(superuser: Client, mine: Everything, address: str) -> None:
    page = superuser.get(f"{HOME}{address}", headers={"accept-language": "zh-CN"}).text
    # Icons are named in English.
    page = re.sub(r"<(script|style)\b.*?</\1>|<span[^>]*material-symbols[^>]*>[^<]*</span>", "", page, flags=re.S)
    said = {text.strip() for text in WORDS.findall(page)}
    assert {text for text in said if not spoken(text) and not SAME.match(text)} == set()
