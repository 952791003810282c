"""What Alibaba Cloud's error codes mean (help.aliyun.com, document 101346 "API error codes")."""

from __future__ import annotations

from sms.base.contract import Verdict

# By code, or by what the code begins with. A code that is not here refuses one SMS.
VERDICTS: dict[str, Verdict] = {
    "OK": Verdict.ACCEPTED,
    "Throttling": Verdict.RETRY,
    "isv.DENY_IP_RANGE": Verdict.MISCONFIGURED,
    "isp.RAM_PERMISSION_DENY": Verdict.MISCONFIGURED,
    "isv.OUT_OF_SERVICE": Verdict.MISCONFIGURED,
    "isv.PRODUCT_UN_SUBSCRIPT": Verdict.MISCONFIGURED,
    "isv.PRODUCT_UNSUBSCRIBE": Verdict.MISCONFIGURED,
    "isv.ACCOUNT_NOT_EXISTS": Verdict.MISCONFIGURED,
    "isv.ACCOUNT_ABNORMAL": Verdict.MISCONFIGURED,
    "isv.AMOUNT_NOT_ENOUGH": Verdict.MISCONFIGURED,
    "InvalidAccessKeyId": Verdict.MISCONFIGURED,
    "InactiveAccessKeyId": Verdict.MISCONFIGURED,
    "SignatureDoesNotMatch": Verdict.MISCONFIGURED,
    "IncompleteSignature": Verdict.MISCONFIGURED,
    "Forbidden": Verdict.MISCONFIGURED,
    "isp.SYSTEM_ERROR": Verdict.UNKNOWN,
    "ServiceUnavailable": Verdict.UNKNOWN,
    "InternalError": Verdict.UNKNOWN,
}


def is_known(code: str) -> bool:
    """Tell whether a code is in the table."""
    return code in VERDICTS or code.partition(".")[0] in VERDICTS


def verdict_of(code: str) -> Verdict:
    """Return what a code means, by itself or by its part before the first dot."""
    return VERDICTS.get(code) or VERDICTS.get(code.partition(".")[0]) or Verdict.REFUSED
