"""The limits of an A/B test, as the push says them.

Every check raises `ResultError` (INVALID_PARAM) for the first limit that is broken, which names the parameter.
"""

from __future__ import annotations

from django.conf import settings

from pushcore.ab_tests.plan import BUCKETS, MAX_VARIANTS, MIN_VARIANTS, NAMES
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import AbTest
from pushcore.push.requests import AudiencePush, Variant

MIN_TEST_SECONDS = 60
# What is left at least for somebody to decide.
MIN_MANUAL_SECONDS = 3600


def check(request: AudiencePush) -> None:
    """Check the variants of a push, and how the winner is decided."""
    if not request.variants:
        if request.winner or request.test_seconds is not None or request.require_significance:
            raise _refused("variants", "winner, testSeconds and requireSignificance need variants")
        return
    if request.local_time or request.over_seconds is not None or request.best_time_hours is not None:
        raise _refused("variants", "variants: not with localTime, bestTime and overSeconds")
    if not MIN_VARIANTS <= len(request.variants) <= MAX_VARIANTS:
        raise _refused("variants", f"variants: {MIN_VARIANTS} to {MAX_VARIANTS}")
    if sorted(variant.name for variant in request.variants) != list(NAMES[: len(request.variants)]):
        raise _refused("variants", "variants: their names are A, B and so on, each once")
    for variant in request.variants:
        _check_variant(variant, request)
    tested = sum(variant.share for variant in request.variants)
    if tested > BUCKETS:
        raise _refused("variants", "variants: the shares are more than 100 together")
    _check_decision(request, has_rest=tested < BUCKETS)


def _check_variant(variant: Variant, request: AudiencePush) -> None:
    if not 1 <= variant.share <= BUCKETS:
        raise _refused("variants", f"variants: the share of {variant.name} is a whole number from 1 to 100")
    if request.template_name and (variant.title or variant.content or variant.uri):
        raise _refused("variants", f"variants: with templateName, {variant.name} has templateKeyValue only")
    if not request.template_name and variant.template_key_value:
        raise _refused("variants", f"variants: templateKeyValue of {variant.name} needs templateName")


def _check_decision(request: AudiencePush, *, has_rest: bool) -> None:
    if not has_rest:
        if request.winner or request.test_seconds is not None or request.require_significance:
            raise _refused("winner", "winner, testSeconds and requireSignificance: all of the audience is tested")
        return
    if request.winner not in ("", *AbTest.WinnerBy.values):
        raise _refused("winner", f"winner is one of {', '.join(AbTest.WinnerBy.values)}")
    if request.winner == AbTest.WinnerBy.MANUAL:
        if request.test_seconds is not None or request.require_significance:
            raise _refused("winner", "winner manual: testSeconds and requireSignificance are for opens")
        longest = settings.MAX_EXPIRED_SECONDS - MIN_MANUAL_SECONDS
        if request.expired_seconds > longest:
            raise ResultError(ResultCode.EXPIREDTIME_TOO_LONG, f"with a winner by hand, at most {longest} seconds")
        return
    if request.test_seconds is None:
        raise _refused("testSeconds", "testSeconds is missing: how long open rates are awaited before they decide")
    longest = settings.MAX_EXPIRED_SECONDS - request.expired_seconds
    if request.require_significance:
        longest -= MIN_MANUAL_SECONDS
    if not MIN_TEST_SECONDS <= request.test_seconds <= longest:
        raise _refused(
            "testSeconds",
            f"testSeconds is from {MIN_TEST_SECONDS} to {longest}, for together with expiredSeconds it is limited",
        )


def _refused(parameter: str, why: str) -> ResultError:
    return ResultError(ResultCode.INVALID_PARAM, why, parameter=parameter)
