"""The JSON Schemas of the device protocol (`sdk/schemas`), by name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "sdk" / "schemas"


@cache
def schema(name: str) -> Draft202012Validator:
    """Return the validator of `sdk/schemas/<name>.json`."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


def check(name: str, value: Any) -> None:
    """Fail where a value is not as the schema says."""
    faults = [f"{fault.json_path}: {fault.message}" for fault in schema(name).iter_errors(value)]
    assert not faults, f"{value!r} is not as sdk/schemas/{name}.json says: {faults}"
