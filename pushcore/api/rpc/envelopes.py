"""Wrap the data of an answer of the RPC API as the answer classes of the published packages read it.

Each has `ResultCode` and `ResultMessage`, whatever the package reads: generic callers do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pushcore.api.operation import Data, Envelope, Operation

# What templates and states of devices say in `Code` where the newer version's `ResultCode` is OK (help.aliyun.com,
# documents 2882067 and 2926886).
_PLAIN_SUCCESS = "100"


def wrapped(operation: Operation, code: str, message: str, data: Data, *, success: bool) -> dict[str, Any]:
    """Return the body of an answer, its names capitalised, as all of the RPC API's are."""
    typed = _typed(data, operation.rpc_types) if operation.rpc_types else data
    data_member = {} if data is None else {"Data": _capitalised(typed)}
    wrap = _ENVELOPES[operation.envelope]
    return {"ResultCode": code, "ResultMessage": message} | wrap(code, message, data_member, success)


def _push_result(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    """Wrap the answer of a push or an order, with "success" where there is no data: the package expects `Data`."""
    members = data or ({"Data": "success"} if success else {})
    return {"PushResult": {"Success": success, "ResultMsg": message} | members}


def _result_content(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    """Wrap the answer of a query as `Data`; that of an order, a text, as it is."""
    if not data:
        return {}
    return {"ResultContent": data["Data"] if isinstance(data["Data"], str) else data}


def _analysis(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    return {"Success": success, "ResultContent": {"Success": success, "ResultMsg": message} | data}


def _device_state(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    return {"Code": _PLAIN_SUCCESS if success else code, "Message": message, "Success": success} | data


def _template(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    return {"Code": _PLAIN_SUCCESS if success else code, "Msg": message, "Success": success} | data


def _template_page(code: str, message: str, data: dict[str, Any], success: bool) -> dict[str, Any]:
    """Wrap a page of templates: its numbers stand beside `Data`, its entries."""
    return _template(code, message, data.get("Data", {}), success)


_ENVELOPES: dict[Envelope, Callable[[str, str, dict[str, Any], bool], dict[str, Any]]] = {
    Envelope.PUSH_RESULT: _push_result,
    Envelope.RESULT_CONTENT: _result_content,
    Envelope.ANALYSIS: _analysis,
    Envelope.DEVICE_STATE: _device_state,
    Envelope.TEMPLATE: _template,
    Envelope.TEMPLATE_PAGE: _template_page,
}


def _typed(data: Any, types: Mapping[str, Callable[[Any], Any]]) -> Any:
    """Convert members, at any depth, to the types that the package reads."""
    if isinstance(data, dict):
        return {name: types[name](value) if name in types else _typed(value, types) for name, value in data.items()}
    return [_typed(entry, types) for entry in data] if isinstance(data, list) else data


def _capitalised(data: Any) -> Any:
    if isinstance(data, dict):
        return {name[:1].upper() + name[1:]: _capitalised(value) for name, value in data.items()}
    return [_capitalised(entry) for entry in data] if isinstance(data, list) else data
