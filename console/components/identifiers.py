"""The characters allowed in an app ID or a workspace ID."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

# These IDs are part of signed requests, URLs, queue and topic names, and MQTT user names.
check_identifier = RegexValidator(r"\A[A-Za-z0-9_.-]+\Z", _("Letters, digits, hyphen, underscore and dot only."))
