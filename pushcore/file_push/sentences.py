"""Why a line of a file becomes no message: sentences in English, marked for translation.

They are kept in English; the console says them in the operator's language (`console.locale.sentences`), which finds the
values again by these formats.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

TOO_LONG: Final = _("longer than %(most)s characters")
NUL: Final = _("holds a NUL character")
TOO_FEW_FIELDS: Final = _("target and msgkey are expected, separated by a comma")
NO_PLACEHOLDER: Final = _("%(field)s is not placeholder=value")
NO_VALUE: Final = _("placeholder %(name)s has no value")
NOTHING_LEFT: Final = _("title or content is empty with these values")
QUOTES: Final = _("quotes: %(reason)s")
REPEATED: Final = _("target and msgkey stand in an earlier line")
USED: Final = _("msgkey was used for this target within the last 24 hours")
OTHER_PLATFORM: Final = _("the device is of another platform")
