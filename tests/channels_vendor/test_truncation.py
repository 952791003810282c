"""Texts are truncated between graphemes, within limits as each vendor counts."""

from __future__ import annotations

import json
from urllib.parse import unquote_plus

import pytest

from channels_vendor.base.contract import Account, Adapter
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.truncation import ELLIPSIS, truncate, truncate_by, utf16_length
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from channels_vendor.vivo.payload import width
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample

# Each is one grapheme of several code points.
FAMILY, FLAG, ENGLAND, TONE, KEYCAP, ACCENT, HANGUL = "👨‍👩‍👧‍👦", "🇨🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏽", "1️⃣", "e\u0301", "각"
WHOLE = (FAMILY, FLAG, ENGLAND, TONE, KEYCAP, ACCENT, HANGUL)


def test_cutting_keeps_the_longest_beginning() -> None:
    assert truncate("abcdef", 6) == "abcdef"
    assert truncate("abcdefg", 6) == "abcde…"
    assert truncate("", 1) == ""
    assert truncate("ab", 1) == "…"


@pytest.mark.parametrize("grapheme", WHOLE)
@pytest.mark.parametrize("before", ["", "a", "ab", "中文"])
def test_no_cut_goes_through_a_grapheme_or_over_the_limit(grapheme: str, before: str) -> None:
    text = before + grapheme * 12
    for most in range(1, utf16_length(text)):
        kept = truncate(text, most)
        assert utf16_length(kept) <= most
        rest = kept.removesuffix(ELLIPSIS).removeprefix(before)
        assert rest == grapheme * (len(rest) // len(grapheme)) or before.startswith(rest)
        # The longest that fits.
        assert utf16_length(kept) > most - utf16_length(grapheme) - 1 or len(kept) <= len(before) + 1


def test_flags_are_cut_between_flags_not_between_their_letters() -> None:
    assert truncate("🇨🇳🇺🇸🇫🇷", 9) == "🇨🇳🇺🇸…"
    assert truncate("🇨🇳🇺🇸🇫🇷", 8) == "🇨🇳…"


def test_an_emoji_counts_as_java_counts_it() -> None:
    assert utf16_length("a中😀") == len("a中😀".encode("utf-16-le")) // 2 == 4
    assert truncate("😀" * 50, 50) == "😀" * 24 + ELLIPSIS
    assert (width("a"), width("中"), width("😀")) == (1, 2, 4)


def test_a_text_without_room_for_the_ellipsis_becomes_none() -> None:
    assert truncate_by("abc", lambda text: 100 + len(text), 50) is None


@pytest.mark.parametrize("text", [FAMILY * 600, FLAG * 900, "长" + TONE * 900], ids=["family", "flag", "tone"])
def test_every_vendor_is_sent_whole_graphemes_within_its_limits(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample, text: str
) -> None:
    """The simulators refuse texts that are too long, counted in UTF-16."""
    outcomes = adapter.send(deliveries(sample, 2, title=text[:80], body=text))
    assert {one.verdict.name for one in outcomes} == {"ACCEPTED"}


@pytest.mark.parametrize("name", ["xiaomi", "oppo", "vivo", "honor"])
def test_a_title_of_emoji_ends_with_a_whole_one(name: str) -> None:
    sample = next(one for one in SAMPLES if one.name == name)
    message = _body_of(sample, title=FAMILY * 30)
    assert FAMILY in message
    assert "\u200d…" not in message
    assert f"{FAMILY}…" in message


def _body_of(sample: Sample, **changes: str) -> str:
    """Return all that is sent of a notification."""
    account = Account(1, sample.vendor.channel, sample.values())
    adapter = sample.vendor.open(account, HttpClient(HttpSettings()), StaticCredential())
    requests, _ = adapter.prepare(deliveries(sample, 1, **changes), sample.credential)
    return "".join(unquote_plus(sample.plain(request.call.body).decode()) for request in requests)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.name)
def test_a_preview_shows_the_texts_that_are_sent(sample: Sample) -> None:
    # As long as a push may be.
    changes = {"title": FAMILY * 28, "body": f"{FLAG}长text" * 28}
    [delivery] = deliveries(sample, 1, **changes)
    shown = sample.vendor.shown(delivery.notification, Account(1, sample.vendor.channel, sample.values()))
    assert shown is not None
    sent = _body_of(sample, **changes)
    for text in (shown.title, shown.body):
        assert text in sent or json.dumps(text)[1:-1] in sent
