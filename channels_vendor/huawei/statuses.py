"""Status codes of Huawei (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.causes import Cause
from pushcore.codes.statuses import Status

STATUSES = (
    Status("huawei", 100, "", _("invalid unknown parameter"), Cause.PARAMETER),
    Status("huawei", 101, "", _("invalid API_KEY"), Cause.CREDENTIALS),
    Status("huawei", 102, "", _("invalid SESSION_KEY"), Cause.CREDENTIALS),
    Status("huawei", 106, "", _("app or session has no permission for this service"), Cause.NOT_PERMITTED),
    Status("huawei", 107, "", _("client and secret must be obtained again"), Cause.CREDENTIALS),
    Status("huawei", 109, "", _("nsp_ts difference too large"), Cause.CREDENTIALS),
    Status("huawei", 110, "", _("internal interface error"), Cause.VENDOR_FAULT),
    Status("huawei", 111, "", _("server busy"), Cause.VENDOR_FAULT),
    Status("huawei", 80000003, "", _("terminal not online"), Cause.UNREACHABLE),
    Status("huawei", 80000004, "", _("app was uninstalled"), Cause.UNINSTALLED),
    Status("huawei", 80000005, "", _("response timed out"), Cause.UNREACHABLE),
    Status("huawei", 80000006, "", _("no routing: terminal never connected to Push"), Cause.UNREACHABLE),
    Status("huawei", 80000007, "", _("terminal is in another region"), Cause.UNREACHABLE),
    Status("huawei", 80000008, "", _("incorrect routing (terminal may have switched Push server)"), Cause.UNREACHABLE),
    Status("huawei", 80100000, "", _("some parameters are incorrect"), Cause.PARAMETER),
    Status("huawei", 80100002, "", _("illegal token list"), Cause.DEAD_TOKEN),
    Status("huawei", 80100003, "", _("illegal payload"), Cause.CONTENT),
    Status("huawei", 80100004, "", _("invalid timeout period"), Cause.PARAMETER),
    Status("huawei", 80300002, "", _("no permission to send to the listed tokens"), Cause.NOT_PERMITTED),
    Status("huawei", 80300007, "", _("all tokens in the request are illegal"), Cause.DEAD_TOKEN),
    Status("huawei", 81000001, "", _("internal error"), Cause.VENDOR_FAULT),
    Status("huawei", 80300008, "", _("message body too large"), Cause.TOO_LARGE),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({80000004, 80100002, 80300007})
