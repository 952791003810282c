"""The message categories of a workspace: found by name, checked before they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pushcore.channels import third_channel_named
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import MessageCategory, Workspace
from pushcore.models.categories import MAX_CATEGORY_NAME
from pushcore.models.pushes import DeviceRules
from pushcore.push import vendor_options
from pushcore.push.requests import PushRequest

# Of a workspace.
MAX_CATEGORIES = 20

_VENDOR_CATEGORY = "thirdChannelCategory"


def named(workspace: Workspace, name: str) -> MessageCategory:
    """Return a category by its name.

    Raises:
        ResultError: The workspace has no category of the name (MESSAGE_CATEGORY_NOT_EXIST).
    """
    category = MessageCategory.objects.filter(workspace=workspace, name=name).first()
    if category is None:
        raise ResultError(
            ResultCode.MESSAGE_CATEGORY_NOT_EXIST,
            f"the workspace has none of the name {name[:MAX_CATEGORY_NAME]!r}",
            parameter="messageCategory",
        )
    return category


@dataclass(frozen=True, slots=True)
class CategoryRules:
    """What a push's category says of it.

    Attributes:
        name: The category's; empty where the push has none.
        vendor_options: Those of the request, with the category's `thirdChannelCategory` for vendors it names none for.
        device_rules: What of devices decides whether they get it now.
        decides_by_device: Whether there is a rule that some devices meet and others do not.
    """

    name: str
    vendor_options: Mapping[str, Any]
    device_rules: DeviceRules = DeviceRules.NONE
    decides_by_device: bool = False

    @classmethod
    def of(cls, workspace: Workspace, request: PushRequest, of_template: str) -> CategoryRules:
        """Look the category of a request up, which is that of its template (empty for none) where it names none.

        Raises:
            ResultError: The workspace has no category of the name (MESSAGE_CATEGORY_NOT_EXIST).
        """
        name = request.message_category or of_template
        if not name:
            return cls(name, request.vendor_options)
        category = named(workspace, name)
        rules = category.device_rules
        if request.ignore_quiet_hours:
            rules &= ~DeviceRules.QUIET_HOURS
        options = _with_vendors_categories(category, request.vendor_options)
        return cls(name, options, rules, bool(rules) or category.has_caps)


def _with_vendors_categories(category: MessageCategory, options: Mapping[str, Any]) -> Mapping[str, Any]:
    if not category.third_channel_category:
        return options
    given = options.get(_VENDOR_CATEGORY) or {}
    named_channels = {third_channel_named(name) for name in given}
    added = {
        name: value
        for name, value in category.third_channel_category.items()
        if third_channel_named(name) not in named_channels
    }
    return {**options, _VENDOR_CATEGORY: {**given, **added}}


def check_vendors_categories(by_vendor: Mapping[str, str]) -> None:
    """Check what a category says to vendors.

    Raises:
        ResultError: No such vendor, or no such category there (INVALID_PARAM).
    """
    vendor_options.check({_VENDOR_CATEGORY: dict(by_vendor)})
