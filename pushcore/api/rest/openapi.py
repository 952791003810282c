"""What the OpenAPI document says of every operation of the REST API: the answer, the signature, the workspace."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from pushcore.api.rest.signature import SIGN_TYPE

SIGNATURE = [
    OpenApiParameter("sign", str, required=True, description="RSA-SHA256 over the raw body, URL-safe base64."),
    OpenApiParameter("signType", str, required=True, enum=[SIGN_TYPE]),
]
# Parameters in the query of a request without a JSON body.
WORKSPACE = [OpenApiParameter("appId", str, required=True), OpenApiParameter("workspaceId", str, required=True)]


def answer_with(name: str, data: serializers.Field[Any, Any, Any, Any]) -> Any:
    """Return the schema of an answer with these data. `name` is the schema's own in the document."""
    return inline_serializer(
        name,
        {
            "success": serializers.BooleanField(),
            "code": serializers.CharField(help_text="A result code; 100 is success."),
            "name": serializers.CharField(),
            "message": serializers.CharField(),
            "data": data,
            "requestId": serializers.CharField(),
        },
    )


Answer = answer_with(
    "Answer",
    serializers.JSONField(help_text="Of a push: the task ID. Of a query: an object. Null where there is none."),
)
