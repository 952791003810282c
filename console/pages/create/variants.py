"""The A/B test of a push to a segment: a second variant, and what decides between the two.

Variant A is the push as it is. More than two variants take the API.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from console.pages.create.fields import PushForm, text
from pushcore.models import AbTest
from pushcore.push import limits
from pushcore.push.requests import Variant

# By open rate if the difference is significant, else by hand.
_SIGNIFICANT = "significant"
MAX_SHARE = 50


class VariantPart(PushForm):
    """A second variant of the content, for a share of the devices."""

    ab_test = forms.ChoiceField(
        label=_("A/B test"),
        choices=[
            ("", _("No test")),
            (AbTest.WinnerBy.OPENS, _("The open rates decide")),
            (_SIGNIFICANT, _("The open rates decide if their difference is significant, else somebody does")),
            (AbTest.WinnerBy.MANUAL, _("Somebody decides on the page of the push")),
        ],
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Variant A is the message above. Those who are in no test group get the better variant later."),
    )
    variant_title = forms.CharField(
        label=_("Title of variant B"),
        max_length=limits.MAX_TITLE_LENGTH,
        required=False,
        widget=text(),
        help_text=_("Empty: that of A."),
    )
    variant_body = forms.CharField(
        label=_("Body of variant B"),
        max_length=limits.MAX_CONTENT_LENGTH,
        required=False,
        widget=text(),
        help_text=_("Empty: that of A."),
    )
    variant_share = forms.IntegerField(
        label=_("Share of each variant (%)"),
        min_value=1,
        max_value=MAX_SHARE - 1,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": MAX_SHARE - 1}),
        help_text=_("So much of the segment gets A, and as much gets B."),
    )
    test_minutes = forms.IntegerField(
        label=_("Open rates decide after (minutes)"),
        min_value=1,
        max_value=100_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
        help_text=_("From when the test group has its messages."),
    )

    def clean(self) -> dict[str, Any]:
        """Check that a test has all that it needs."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("ab_test"):
            if given.get("variant_title") or given.get("variant_body"):
                self.add_error("ab_test", _("Select what decides, or leave variant B empty."))
            return given
        if not given.get("variant_title") and not given.get("variant_body"):
            self.add_error("variant_title", _("Enter what variant B says."))
        if not given.get("variant_share") and "variant_share" not in self.errors:
            self.add_error("variant_share", _("Enter a share."))
        by_hand = given["ab_test"] == AbTest.WinnerBy.MANUAL
        if not by_hand and not given.get("test_minutes") and "test_minutes" not in self.errors:
            self.add_error("test_minutes", _("Enter a number of minutes."))
        return given

    def variants(self) -> dict[str, Any]:
        """Return the test by the names that push requests have for it; nothing without one."""
        given = self.cleaned_data
        decides = given.get("ab_test")
        if not decides:
            return {}
        share = given.get("variant_share") or 0
        by_hand = decides == AbTest.WinnerBy.MANUAL
        return {
            "variants": (
                Variant(name="A", share=share),
                Variant(
                    name="B",
                    share=share,
                    title=given.get("variant_title") or "",
                    content=given.get("variant_body") or "",
                ),
            ),
            "winner": AbTest.WinnerBy.MANUAL.value if by_hand else AbTest.WinnerBy.OPENS.value,
            "test_seconds": None if by_hand else 60 * (given.get("test_minutes") or 0),
            "require_significance": decides == _SIGNIFICANT,
        }


def typed_of(test: AbTest) -> dict[str, Any] | None:
    """Return the fields filled in with a test; None where the form has none for it."""
    if len(test.variants) != 2 or not test.winner_by or test.variants[0]["override"]:
        return None
    first, second = test.variants
    if first["share"] != second["share"] or not second["override"].keys() <= {"title", "content"}:
        return None
    return {
        "ab_test": _SIGNIFICANT if test.require_significance else test.winner_by,
        "variant_title": second["override"].get("title", ""),
        "variant_body": second["override"].get("content", ""),
        "variant_share": second["share"],
        "test_minutes": -(-test.test_seconds // 60) if test.test_seconds else "",
    }
