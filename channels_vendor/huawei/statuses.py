"""Status codes of Huawei (source document, chapter 6.1.5): what its part of the table of statuses says."""

from __future__ import annotations

from pushcore.codes.statuses import Status

STATUSES = (
    Status("huawei", 100, "", "invalid unknown parameter"),
    Status("huawei", 101, "", "invalid API_KEY"),
    Status("huawei", 102, "", "invalid SESSION_KEY"),
    Status("huawei", 106, "", "app or session has no permission for this service"),
    Status("huawei", 107, "", "client and secret must be obtained again"),
    Status("huawei", 109, "", "nsp_ts difference too large"),
    Status("huawei", 110, "", "internal interface error"),
    Status("huawei", 111, "", "server busy"),
    Status("huawei", 80000003, "", "terminal not online"),
    Status("huawei", 80000004, "", "app was uninstalled"),
    Status("huawei", 80000005, "", "response timed out"),
    Status("huawei", 80000006, "", "no routing: terminal never connected to Push"),
    Status("huawei", 80000007, "", "terminal is in another region"),
    Status("huawei", 80000008, "", "incorrect routing (terminal may have switched Push server)"),
    Status("huawei", 80100000, "", "some parameters are incorrect"),
    Status("huawei", 80100002, "", "illegal token list"),
    Status("huawei", 80100003, "", "illegal payload"),
    Status("huawei", 80100004, "", "invalid timeout period"),
    Status("huawei", 80300002, "", "no permission to send to the listed tokens"),
    Status("huawei", 80300007, "", "all tokens in the request are illegal"),
    Status("huawei", 81000001, "", "internal error"),
    Status("huawei", 80300008, "", "message body too large"),
)

# What it says of a token that reaches nobody (any more).
DEAD_TOKEN_STATUSES = frozenset({80000004, 80100002, 80300007})
