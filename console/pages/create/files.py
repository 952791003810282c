"""The file of a multiple push: its upload, and its inspection before anything is pushed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from console.pages.create.explanations import explain
from console.pages.create.forms import MultipleForm
from console.pages.create.scope import workspace_or_404
from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.file_push.inspection import Inspection, inspect
from pushcore.inbound.head_check import head_check
from pushcore.models import FileImport, Workspace
from pushcore.push import audience_estimate
from pushcore.storage import ids

_SALT = "console.pages.create.files"


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of inspecting a file for a template and a target type.

    Attributes:
        file: The file's id.
        template: The template's name.
        delivery_type: The target type, as a `DeliveryType`.
        records: The number of valid records.
        faults: The number of faulty lines, which are left out.
        sampled: How many targets, from the start of the file, were looked up.
        reached: How many devices those targets have now.
    """

    file: str
    template: str
    delivery_type: int
    records: int
    faults: int
    sampled: int
    reached: int

    def signed(self) -> str:
        """Return the findings signed, for the form to carry so that the file need not be read again."""
        return signing.dumps(asdict(self), salt=_SALT)


def _check_head(request: HttpRequest) -> None:
    """Check the user's right before the body is read. Raises `PermissionDenied` or `Http404`."""
    _workspace(request)


@head_check(_check_head)
@require_POST
def upload_file(request: HttpRequest) -> HttpResponse:
    """Store the request's body as a file of the workspace named in the query; answers {"file", "size"} or {"error"}."""
    workspace = _workspace(request)
    try:
        if _length(request) > settings.MAX_FILE_BYTES:
            raise ResultError(ResultCode.MSG_PAYLOAD_TOO_LONG, parameter="file")
        file = upload.keep(workspace, request.read)
    except ResultError as error:
        return JsonResponse({"error": explain(error).sentence}, status=400)
    return JsonResponse({"file": str(file.pk), "size": file.size})


def _length(request: HttpRequest) -> int:
    """Return the declared size of the body in bytes; 0 when it is missing or malformed."""
    return ids.parse(request.headers.get("Content-Length", "")) or 0


def _workspace(request: HttpRequest) -> Workspace:
    """Return the workspace named in the query, if the user may push in it. Raises `PermissionDenied` or `Http404`."""
    return workspace_or_404(request, request.GET.get("workspace", ""))


@require_POST
def inspect_file(request: HttpRequest) -> HttpResponse:
    """Render the part of the page that shows the file's first records and faults, for the selected template."""
    workspace = _workspace(request)
    form = MultipleForm(request.POST, workspace=workspace)
    form.is_valid()
    file = kept_file(workspace, str(form.cleaned_data.get("file", "")))
    context: dict[str, object] = {"file": file, "template": form.chosen}
    if file is not None and form.chosen is not None:
        try:
            found, findings = inspect_kept_file(form, file)
        except ResultError as error:
            context["error"] = explain(error).sentence
        else:
            context |= {"found": found, "findings": findings, "signed": findings.signed()}
    return TemplateResponse(request, "console/create/findings.html", context)


def kept_file(workspace: Workspace, number: str) -> FileImport | None:
    """Return the workspace's stored file of that id, as given in the form, or None."""
    return FileImport.objects.filter(workspace=workspace, pk=ids.parse(number) or 0).first()


def inspect_kept_file(form: MultipleForm, file: FileImport) -> tuple[Inspection, Findings]:
    """Inspect a file for the template and target type selected in the form, which need not be valid.

    Returns:
        What was read, with examples of records and faults, and the findings for the form to carry.

    Raises:
        ResultError: The template has been removed, or its content is too long.
    """
    form.cleaned_data = {"task_name": "", "valid_seconds": 1, "file": str(file.pk), "file_name": ""} | form.cleaned_data
    form.cleaned_data["template"] = template = form.chosen
    assert template is not None
    wanted = form.request({}, sha256=file.sha256)
    common = upload.content_of(form.workspace, wanted)
    found = inspect(file, common.shared, form.delivery_type, common.variables)
    reached = audience_estimate.of_targets(
        form.workspace, form.delivery_type, [record.target for record in found.sample]
    )
    return found, Findings(
        file=str(file.pk),
        template=template.name,
        delivery_type=form.delivery_type,
        records=found.records,
        faults=found.faults,
        sampled=len(found.sample),
        reached=reached,
    )


def findings_of(form: MultipleForm, file: FileImport) -> Findings:
    """Return the findings for a valid form.

    Those the form carries are used if their signature is right and they are about the same file, template and target
    type; otherwise the file is read again.
    """
    try:
        known = Findings(**signing.loads(form.cleaned_data["findings"], salt=_SALT))
    except (signing.BadSignature, TypeError):
        return inspect_kept_file(form, file)[1]
    wanted = (str(file.pk), form.cleaned_data["template"].name, form.delivery_type)
    return known if (known.file, known.template, known.delivery_type) == wanted else inspect_kept_file(form, file)[1]
