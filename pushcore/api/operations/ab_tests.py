"""A/B tests of audience pushes: what became of each variant, and which one the rest gets. The actions are our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushcore.ab_tests import decision
from pushcore.ab_tests.results import Comparison, TestResults, VariantResult
from pushcore.api.fields import Id, Text
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.operations.push_schema import EXAMPLE_TASK
from pushcore.api.schema import RequestSchema
from pushcore.models import PushTask, Workspace


class QueryPushAnalysisVariantsSchema(RequestSchema):
    """Ask for the numbers of a push's variants."""

    taskId = Id(help_text="ID of the push task.")


class PushDecideVariantSchema(QueryPushAnalysisVariantsSchema):
    """Have the rest of an audience get a variant."""

    variant = Text(help_text="The name of the variant.")


def decide_variant(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    """Decide which variant the rest of the audience gets."""
    decision.decide_by_hand(workspace, values["taskId"], values["variant"], author=caller.author)
    return "success"


def query_variants(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Count what was sent, arrived and was opened of each variant, and compare the best two."""
    test = decision.test_of(workspace, values["taskId"])
    task = PushTask.objects.get(pk=test.pk)
    results = TestResults.of(task, test)
    return {
        "taskId": str(task.pk),
        "state": decision.state_of(test).name,
        "winner": test.winner,
        "decidedBy": test.decided_by,
        "decidedTime": _milliseconds(test.decided_at),
        "decidesTime": _milliseconds(None if test.decided_at else test.decides_at),
        "decideByTime": _milliseconds(test.decide_by if test.winner_by else None),
        "variants": [_numbers(variant) for variant in results.variants],
        "rest": _numbers(results.rest) if results.rest else None,
        "comparison": _compared(results.comparison),
    }


def _numbers(result: VariantResult) -> dict[str, Any]:
    low, high = result.interval
    return {
        "variant": result.name,
        "share": result.share,
        "pushTotalNum": result.index.pushed,
        "pushNum": result.delivered,
        "arrivalNum": result.index.arrived,
        "openNum": result.index.opened,
        "openRate": _percent(result.rate),
        "openRateLow": _percent(low),
        "openRateHigh": _percent(high),
    }


def _compared(comparison: Comparison) -> dict[str, Any]:
    return {
        "best": comparison.best.name,
        "second": comparison.second.name,
        "pValue": round(comparison.chance, 4),
        "significant": comparison.is_significant,
    }


def _percent(part: float) -> float:
    return round(100 * part, 2)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


_EXAMPLE_NUMBERS = {
    "share": 10, "pushTotalNum": 10000, "pushNum": 9600, "arrivalNum": 9600, "openNum": 960, "openRate": 10.0,
    "openRateLow": 9.42, "openRateHigh": 10.62,
}  # fmt: skip

OPERATIONS = (
    Operation(
        "PushDecideVariant",
        "push/audience/decide",
        "Decide which variant the rest of an audience gets",
        PushDecideVariantSchema,
        decide_variant,
        {V2020: (*SCOPE, "taskId", "variant")},
        example=(EXAMPLE_SCOPE | {"taskId": EXAMPLE_TASK, "variant": "B"}, "success"),
    ),
    Operation(
        "QueryPushAnalysisVariants",
        "analysis/variants",
        "Compare the variants of a push to an audience",
        QueryPushAnalysisVariantsSchema,
        query_variants,
        {V2020: (*SCOPE, "taskId")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"taskId": EXAMPLE_TASK},
            {
                "taskId": EXAMPLE_TASK,
                "state": "DECIDED",
                "winner": "B",
                "decidedBy": "",
                "decidedTime": 1767229600000,
                "decidesTime": None,
                "decideByTime": 1767834400000,
                "variants": [
                    {"variant": "A"} | _EXAMPLE_NUMBERS,
                    {"variant": "B"} | _EXAMPLE_NUMBERS
                    | {"openNum": 1152, "openRate": 12.0, "openRateLow": 11.36, "openRateHigh": 12.67},
                ],
                "rest": {"variant": ""} | _EXAMPLE_NUMBERS | {"share": 80},
                "comparison": {"best": "B", "second": "A", "pValue": 0.0, "significant": True},
            },
        ),
    ),
)  # fmt: skip
