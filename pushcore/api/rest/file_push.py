"""Multiple push from a file on the REST API: the file is the body, its parameters and its hash stand in the query.

The signature is over the path with query (as for requests without a body), so who sends is known before a byte of the
file is read, and the signed hash covers the file.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from pushcore.api.fields import Number, Text
from pushcore.api.operation import SCOPE, Data
from pushcore.api.operations.push_schema import PushSchema, Submission
from pushcore.api.rest.endpoint import (
    SignedView,
    answer,
    check_head_of_path,
    check_size,
    page_number,
    verified_path,
)
from pushcore.api.rest.openapi import SIGNATURE, WORKSPACE, Answer, answer_with
from pushcore.api.schema import OPTIONAL
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.file_push.dry_run import dry_run
from pushcore.models import FileFault, FileImport, PushTask
from pushcore.push.requests import FilePush
from pushcore.storage import ids

PAGE_SIZE = 100

_REPORT = answer_with(
    "FileReportAnswer",
    inline_serializer(
        "FileReport",
        {
            "taskId": serializers.CharField(),
            "finished": serializers.BooleanField(help_text="The whole file has been read."),
            "size": serializers.IntegerField(help_text="Bytes."),
            "read": serializers.IntegerField(help_text="Bytes read."),
            "lines": serializers.IntegerField(help_text="Lines read."),
            "accepted": serializers.IntegerField(help_text="Records that became messages."),
            "rejected": serializers.IntegerField(help_text="Records that did not."),
            "faults": serializers.ListField(
                child=serializers.DictField(), help_text="line, reason, record; the first 1,000 are kept."
            ),
        },
        allow_null=True,
    ),
)


class FilePushSchema(PushSchema):
    """A multiple push from a file; the parameters stand in the query, maps as JSON text."""

    request = FilePush
    codes = PushSchema.codes | {"templateName": ResultCode.NEED_TEMPLATE}

    templateName = Text(source="template_name", help_text="Name of the template.")
    sha256 = Text(help_text="SHA-256 of the file, hexadecimal.")
    pushAction = Number(
        source="push_action", help_text="On tap: 0 web URL, 1 intent activity; else the template's.", **OPTIONAL
    )
    silent = Number(help_text="1: not shown; else the template's.", **OPTIONAL)
    messagesPerSecond = Number(
        source="messages_per_second",
        help_text="Pace: so many messages a second at most, 1 to 100,000 (docs/timing.md).",
        **OPTIONAL,
    )
    overSeconds = Number(
        source="over_seconds",
        help_text="The period over which the push is spread, in place of messagesPerSecond; less than expiredSeconds.",
        **OPTIONAL,
    )
    paceUrl = Text(source="pace_url", help_text="The push goes on while this URL says so (docs/timing.md).")

    @classmethod
    def build(cls, values: dict[str, Any]) -> Submission:
        """Make the push. Raises `ResultError` for the wish to send it later."""
        values["sha256"] = values["sha256"].lower()
        submission = super().build(values)
        if submission.strategy is not None:
            raise ResultError(
                ResultCode.INVALID_PARAM, "strategyType: a file is pushed when it comes; leave it out, or 0"
            )
        return submission


_REQUIRED = ("templateName", "deliveryType", "expiredSeconds", "sha256")


def _type_of(field: serializers.Field[Any, Any, Any, Any]) -> type[int | bool | str]:
    if isinstance(field, serializers.BooleanField):
        return bool
    return int if isinstance(field, serializers.IntegerField) else str


_QUERY = [
    OpenApiParameter(
        name,
        _type_of(field),
        required=name in _REQUIRED,
        description=str(field.help_text or ""),
    )
    for name, field in ((str(name), field) for name, field in FilePushSchema().fields.items())
    if name not in SCOPE
]


class FilePushView(SignedView):
    """The view at `/api/v1/push/multiple/file`."""

    check_head = staticmethod(check_head_of_path)

    @extend_schema(
        operation_id="PushMultipleFile",
        summary="Push a template, filled in for each target of a file (up to 200 MB)",
        description="A record a line: `target,msgkey,placeholder=value,...`, UTF-8, 1 to 250 characters. "
        "The signature is over the path with query, which names the file's SHA-256.",
        request={"text/csv": OpenApiTypes.BINARY},
        responses={200: Answer},
        parameters=[*WORKSPACE, *_QUERY, *SIGNATURE],
    )
    def post(self, request: Request) -> JsonResponse:
        """Take a file and push to its targets."""
        return answer(request._request, "PushMultipleFile", lambda: _take(request._request))


def _take(request: HttpRequest) -> Data:
    workspace, parameters = verified_path(request, FilePushSchema.names())
    check_size(request, settings.MAX_FILE_BYTES)
    submission: Submission = FilePushSchema.read(parameters)
    wanted: FilePush = submission.push
    if submission.is_dry_run:
        return dry_run(workspace, wanted, request.read)
    task = upload.receive(workspace, wanted, request.read, source=PushTask.Source.REST, author="RSA key")
    return str(task.pk)


class FileReportView(SignedView):
    """The view at `/api/v1/push/multiple/file/{taskId}`."""

    @extend_schema(
        operation_id="PushMultipleFileReport",
        summary="How far a file has been read, and which of its lines are at fault",
        responses={200: _REPORT},
        parameters=[*WORKSPACE, OpenApiParameter("pageNumber", int), *SIGNATURE],
    )
    def get(self, request: Request, task_id: str) -> JsonResponse:
        """Show what became of a file's lines, with a page of those at fault."""
        return answer(request._request, "PushMultipleFileReport", lambda: _report(request._request, task_id))


def _report(request: HttpRequest, task_id: str) -> dict[str, Any]:
    workspace, parameters = verified_path(request, ("pageNumber",))
    file = FileImport.objects.filter(workspace=workspace, pk=ids.parse(task_id) or 0, accepted_at__isnull=False).first()
    if file is None:
        raise ResultError(ResultCode.INVALID_PARAM, "taskId is not the task of a file")
    start = (page_number(parameters, "pageNumber") - 1) * PAGE_SIZE
    faults = FileFault.objects.filter(file=file).order_by("line")[start : start + PAGE_SIZE]
    return {
        "taskId": str(file.pk),
        "finished": file.finished_at is not None,
        "size": file.size,
        "read": file.position,
        "lines": file.line,
        "accepted": file.accepted,
        "rejected": file.rejected,
        "faults": [{"line": fault.line, "reason": fault.reason, "record": fault.record} for fault in faults],
    }
