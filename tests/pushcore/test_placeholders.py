"""Placeholders: known names between two number signs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push.records import Lines, Reader
from pushcore.models import Template, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push import placeholders, templates
from pushcore.push.placeholders import text_pattern, url_pattern
from pushcore.push.templates import TemplateDraft


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        ("Hello #name#", None, ["name"]),
        ("C# and F# course for #name#", None, ["name"]),
        ("https://m.example.com/#/order?id=#id#", None, ["id"]),
        ("#a##b#", None, ["a", "b"]),
        ("##name##", None, ["name"]),
        ("#order-no# #x.y# #1# #订单号#", None, ["order-no", "x.y", "1", "订单号"]),
        ("no # here, nor #here # or #" + "x" * 65 + "#", None, []),
        ("#sale# for #name#", ("name",), ["name"]),
        ("#order number#", None, []),
        ("#order number#", ("order number",), ["order number"]),
        ("#a#b#", ("b",), ["b"]),
        ("anything #name#", (), []),
    ],
)
def test_a_placeholder_is_a_known_name_between_two_signs(
    text: str, known: tuple[str, ...] | None, names: list[str]
) -> None:
    assert list(placeholders.names_of(text, known)) == names


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://m.example.com/#/order?id=#id#", "https://m.example.com/#/order?id=a%2Fb%3F%26c%3Dd%20e%23%E5%AD%97"),
        ("https://example.com/#id#/x", "https://example.com/a%2Fb%3F%26c%3Dd%20e%23%E5%AD%97/x"),
        ("#id#", "a/b?&c=d e#字"),
        ("#id#/x", "a/b?&c=d e#字/x"),
        ("https://#id#", "https://a/b?&c=d e#字"),
        ("app:#id#", "app:a/b?&c=d e#字"),
    ],
)
def test_a_value_stays_within_its_part_of_the_url(url: str, made: str) -> None:
    assert url_pattern(url, None).fill({"id": "a/b?&c=d e#字"}) == made


@given(st.text(st.characters(codec="utf-8")))
def test_a_value_in_a_query_comes_out_as_it_went_in(value: str) -> None:
    made = url_pattern("https://example.com/x?id=#id#&after=1#end", None).fill({"id": value})
    parts = urlsplit(made)
    assert parts.fragment == "end"
    assert parse_qs(parts.query, keep_blank_values=True) == {"id": [value], "after": ["1"]}


@given(st.text(alphabet="#ab. /", max_size=20), st.dictionaries(st.text("ab.", max_size=5), st.text(max_size=3)))
def test_text_without_values_is_never_lost(text: str, values: dict[str, str]) -> None:
    pattern = text_pattern(text, None)
    again = "".join(
        piece for pair in zip(pattern.texts, (*(f"#{name}#" for name in pattern.names), ""), strict=True)
        for piece in pair
    )  # fmt: skip
    assert again == text


BASE: dict[str, Any] = {"name": "t", "description": "d", "title": "T", "body": "B"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"title": "#a#b#"}, ResultCode.TEMPLATE_TITLE_INVALID),
        ({"body": "#fun#name#"}, ResultCode.TEMPLATE_CONTENT_INVALID),
        ({"title": "C#和F#课程#name#"}, ResultCode.TEMPLATE_TITLE_INVALID),
        ({"body": "#a#-#b#c#"}, ResultCode.TEMPLATE_CONTENT_INVALID),
        ({"title": "#a#b#c#", "variables": ["a", "b", "c"]}, ResultCode.TEMPLATE_TITLE_INVALID),
        ({"uri": "https://example.com/#a#b#"}, ResultCode.TEMPLATE_URI_INVALID),
        ({"title": "#a#b#", "variables": ["a", "b"]}, ResultCode.TEMPLATE_TITLE_INVALID),
        ({"variables": ["a#b"]}, ResultCode.INVALID_PARAM),
        # A JSON list, split at its commas.
        ({"title": "#a#", "variables": ['["a"', '"b"]']}, ResultCode.INVALID_PARAM),
        ({"variables": ["x" * 65]}, ResultCode.INVALID_PARAM),
    ],
)
def test_ambiguous_placeholders_are_refused_when_a_template_is_saved(
    workspace: Workspace, changes: dict[str, Any], result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        templates.create(workspace, TemplateDraft(**(BASE | changes)))
    assert refused.value.result is result
    assert not Template.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("尊敬的#name#您的#item#已发货", "尊敬的<name>您的<item>已发货"),
        ("#from#-#to#", "<from>-<to>"),
        ("#a#和#b#以及#c#", "<a>和<b>以及<c>"),
        ("#a##b#", "<a><b>"),
    ],
)
def test_text_between_placeholders_needs_no_blanks(workspace: Workspace, text: str, made: str) -> None:
    template = templates.create(workspace, TemplateDraft(**(BASE | {"title": text})))
    values = {name: f"<{name}>" for name in templates.placeholder_names(template)}
    assert templates.render(template, values).title == made


@pytest.mark.django_db
def test_number_signs_that_mark_nothing_are_text_in_every_push(workspace: Workspace) -> None:
    draft = TemplateDraft(
        **(BASE | {"title": "C# and F# for #name#", "uri": "https://m.example.com/#/order?id=#id#&u=#name#"})
    )
    template = templates.create(workspace, draft)
    assert templates.placeholder_names(template) == {"name", "id"}
    rendered = templates.render(template, {"name": "A&B", "id": "7"})
    assert (rendered.title, rendered.uri) == ("C# and F# for A&B", "https://m.example.com/#/order?id=7&u=A%26B")
    content = {"title": template.title, "content": template.body, "url": template.uri}
    reader = Reader(1, content, DeliveryType.USER, variables=template.variables)
    [record] = reader.read(Lines(0, 40, 1, b'ann,k1,"name=A&B",id=7')).records
    assert json.loads(record.override or "") == {"title": rendered.title, "url": rendered.uri}


@pytest.mark.django_db
def test_names_that_a_template_declares_are_its_placeholders(workspace: Workspace) -> None:
    draft = TemplateDraft(**(BASE | {"title": "#sale# for #the name#", "variables": ["the name", "unused"]}))
    template = templates.create(workspace, draft)
    assert template.variables == ["the name"]
    assert templates.render(template, {"the name": "Ann"}).title == "#sale# for Ann"
    content = {"title": template.title, "content": "B", "url": ""}
    [record] = Reader(1, content, DeliveryType.USER, variables=template.variables).read(
        Lines(0, 30, 1, b"ann,k1,the name=Ann")
    ).records  # fmt: skip
    assert json.loads(record.override or "") == {"title": "#sale# for Ann"}


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"title": "#name#"}, {"body": "#name# #more#"}])
def test_values_that_leave_nothing_of_a_text_are_refused(workspace: Workspace, changes: dict[str, Any]) -> None:
    """Vendors and simple pushes refuse a message without a title or body too."""
    template = templates.create(workspace, TemplateDraft(**(BASE | changes)))
    assert templates.render(template, {"name": "Ann", "more": ""})
    with pytest.raises(ResultError) as refused:
        templates.render(template, {"name": " ", "more": ""})
    assert refused.value.result is ResultCode.PAYLOAD_NOT_ENOUGH
    content = {"title": template.title, "content": template.body, "url": ""}
    lines = b"ann,k1,name=Ann,more=\nbob,k2,name= ,more="
    block = Reader(1, content, DeliveryType.USER, variables=template.variables).read(Lines(0, len(lines), 1, lines))
    assert [record.target for record in block.records] == ["ann"]
    assert [fault.reason for fault in block.faults] == ["title or content is empty with these values"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Hello #name#", {"name": "Ann"}),
        ("#a# of #b#, #a#", {"a": "1", "b": "2 of 3"}),
        ("#a#", {"a": ""}),
        ("plain", {}),
        ("#a#, #b#", {"a": "x", "b": "y, z"}),
    ],
)
def test_values_are_read_from_the_text_they_made(text: str, values: dict[str, str]) -> None:
    pattern = text_pattern(text, None)
    assert pattern.values_in(pattern.fill(values)) == values


def test_values_are_read_from_a_url_as_they_were_given() -> None:
    pattern = url_pattern("https://shop.example/#path#?n=#name#", None)
    values = {"path": "a/b", "name": "Ann & Bob"}
    assert pattern.values_in(pattern.fill(values)) == values


@pytest.mark.parametrize(
    ("text", "made"),
    [("Hello #a#", "Bye Ann"), ("#a# and #a#", "Ann and Bob"), ("#a##b#", "xy"), ("a", "ab"), ("#a#!", "")],
)
def test_of_a_text_that_was_made_otherwise_no_values_are_read(text: str, made: str) -> None:
    assert text_pattern(text, None).values_in(made) is None
