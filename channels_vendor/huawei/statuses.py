"""Status codes of Huawei (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from pushcore.codes.statuses import Status

STATUSES = (
    Status("huawei", 100, "", _("invalid unknown parameter")),
    Status("huawei", 101, "", _("invalid API_KEY")),
    Status("huawei", 102, "", _("invalid SESSION_KEY")),
    Status("huawei", 106, "", _("app or session has no permission for this service")),
    Status("huawei", 107, "", _("client and secret must be obtained again")),
    Status("huawei", 109, "", _("nsp_ts difference too large")),
    Status("huawei", 110, "", _("internal interface error")),
    Status("huawei", 111, "", _("server busy")),
    Status("huawei", 80000003, "", _("terminal not online")),
    Status("huawei", 80000004, "", _("app was uninstalled")),
    Status("huawei", 80000005, "", _("response timed out")),
    Status("huawei", 80000006, "", _("no routing: terminal never connected to Push")),
    Status("huawei", 80000007, "", _("terminal is in another region")),
    Status("huawei", 80000008, "", _("incorrect routing (terminal may have switched Push server)")),
    Status("huawei", 80100000, "", _("some parameters are incorrect")),
    Status("huawei", 80100002, "", _("illegal token list")),
    Status("huawei", 80100003, "", _("illegal payload")),
    Status("huawei", 80100004, "", _("invalid timeout period")),
    Status("huawei", 80300002, "", _("no permission to send to the listed tokens")),
    Status("huawei", 80300007, "", _("all tokens in the request are illegal")),
    Status("huawei", 81000001, "", _("internal error")),
    Status("huawei", 80300008, "", _("message body too large")),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({80000004, 80100002, 80300007})
