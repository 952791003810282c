"""What an operator reads where a template is refused, and the field it stands at."""

from __future__ import annotations

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from console.pages.create.explanations import Explanation, Explanations
from pushcore.codes.results import ResultCode as _Code
from pushcore.push.template_versions import MissingValuesError

_CANNOT_BE_TOLD_APART = _("Two placeholders share a number sign: write something between them.")

EXPLANATIONS: Explanations = {
    (_Code.TEMPLATE_NAME_NULL, ""): Explanation("name", _("Enter a name.")),
    (_Code.TEMPLATE_NAME_INVALID, ""): Explanation(
        "name", _("A name has letters A to Z, digits and underscores, {template} at most.")
    ),
    (_Code.TEMPLATE_ALREADY_EXIST, ""): Explanation(
        "name", _("This workspace has a template with this name already. Choose another.")
    ),
    (_Code.TEMPLATE_NUM_TOO_MUCH, ""): Explanation(
        "", _("This workspace has {templates} templates already. Delete one first.")
    ),
    (_Code.TEMPLATE_DESC_INFO_INVALID, ""): Explanation(
        "description", _("The description has 1 to {template} characters.")
    ),
    (_Code.TEMPLATE_TITLE_INVALID, ""): Explanation("title", _("The title has 1 to {template} characters.")),
    (_Code.TEMPLATE_TITLE_INVALID, "placeholders"): Explanation("title", _CANNOT_BE_TOLD_APART),
    (_Code.TEMPLATE_CONTENT_INVALID, ""): Explanation("body", _("The body has 1 to {template} characters.")),
    (_Code.TEMPLATE_CONTENT_INVALID, "placeholders"): Explanation("body", _CANNOT_BE_TOLD_APART),
    (_Code.TEMPLATE_URI_INVALID, ""): Explanation("url", _("The URL is too long: {url} characters at most.")),
    (_Code.TEMPLATE_URI_INVALID, "placeholders"): Explanation("url", _CANNOT_BE_TOLD_APART),
    (_Code.INVALID_PARAM, "variables"): Explanation(
        "variables",
        _(
            "At most {variables} names, separated by commas, of 1 to {variable} characters other than number signs, "
            "brackets and quotes."
        ),
    ),
    (_Code.MSG_PAYLOAD_TOO_LONG, ""): Explanation(
        "", _("The addresses of icons and images are too long: they take {payload} bytes together at most.")
    ),
    (_Code.MESSAGE_CATEGORY_NOT_EXIST, ""): Explanation(
        "message_category", _("The workspace has no such message category. Select another.")
    ),
    (_Code.TEMPLATE_NOT_EXIST, ""): Explanation("", _("This template was deleted meanwhile.")),
    (_Code.INVALID_PARAM, "version"): Explanation(
        "", _("Somebody saved another version meanwhile. Open the template again and look at it first.")
    ),
}  # fmt: skip


def missing_values(error: MissingValuesError) -> str:
    """Say which waiting schedule lacks a value for a placeholder of the new version, and what to do."""
    schedule = error.schedule
    return _now(
        "The waiting schedule %(schedule)s has no value for %(names)s and could not be sent. Cancel it first, or do "
        "without the new placeholder."
    ) % {
        "schedule": schedule.name or schedule.title or schedule.pk,
        "names": ", ".join(f"#{name}#" for name in error.names),
    }
