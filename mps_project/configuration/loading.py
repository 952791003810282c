"""Read the configuration from the process's environment; the first fault is one clear line."""

from __future__ import annotations

import os
from typing import TypeVar

from pydantic import ValidationError

from mps_project.configuration.variables import CommonConfiguration, Configuration, LauncherConfiguration

_Model = TypeVar("_Model", bound=CommonConfiguration)


class ConfigurationError(Exception):
    """An environment variable is missing or has a value that cannot be used.

    The message is one line that names the variable. It does not contain the value of a secret one.
    """


def load() -> Configuration:
    """Read and check all variables. Raises `ConfigurationError` for the first that is missing or wrong."""
    return _load(Configuration)


def load_for_launcher() -> LauncherConfiguration:
    """Read and check the variables that are set. Raises `ConfigurationError` for the first that is wrong."""
    return _load(LauncherConfiguration)


def _load(model: type[_Model]) -> _Model:
    try:
        return model()
    except ValidationError as error:
        raise ConfigurationError(_describe(model, error)) from None


def _describe(model: type[CommonConfiguration], error: ValidationError) -> str:
    """Describe the first fault in one line, from pydantic's message without its input."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(fault["loc"][0])
    field = next(field for field in model.model_fields.values() if field.validation_alias == name)
    if fault["type"] == "missing":
        return f"{name} is not set. {field.description}"
    assignment = f"={os.environ[name]!r}" if field.repr else ""
    return f"{name}{assignment} cannot be used: {fault['msg'].removeprefix('Value error, ')}"
