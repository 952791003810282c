"""The characters allowed in an app ID or a workspace ID."""

from __future__ import annotations

from django.core.validators import RegexValidator

# These IDs are part of signed requests, URLs, queue and topic names, and MQTT user names.
check_identifier = RegexValidator(r"\A[A-Za-z0-9_.-]+\Z", "Letters, digits, hyphen, underscore and dot only.")
