"""What a push's page does with its A/B test: the decision, which asks first, and the variants as a file."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.report_files import variants_csv
from console.access import audit
from console.components.refusals import refusal
from console.models import AuditEntry
from pushcore.ab_tests import decision
from pushcore.ab_tests.results import TestResults
from pushcore.codes.results import ResultError
from pushcore.models import AbTest, PushTask


def decide(site_page: ModelAdmin[PushTask], request: HttpRequest, task: PushTask) -> HttpResponse:
    """Ask whether the rest gets the `?variant=`; on POST, have it get that."""
    variant = request.GET.get("variant", "")
    back = reverse("admin:pushcore_pushtask_change", args=[task.pk])
    test = _test_of(task)
    if variant not in {one["name"] for one in test.variants}:
        raise Http404
    if request.method != "POST":
        share = 100 - sum(one["share"] for one in test.variants)
        context = site_page.admin_site.each_context(request) | {
            "title": _("Send variant %(variant)s to the rest?") % {"variant": variant},
            "consequence": _(
                "The %(share)s%% of the devices that are not in the test group get it now. This cannot be undone."
            )
            % {"share": share},
            "button": _("Send variant %(variant)s") % {"variant": variant},
            "opts": site_page.opts,
            "original": task,
            "back": back,
        }
        return TemplateResponse(request, "console/confirmation.html", context)
    try:
        decision.decide_by_hand(task.workspace, task.pk, variant, author=request.user.get_username())
    except ResultError as error:
        messages.error(request, _("Not decided: %(why)s") % {"why": refusal(error)})
    else:
        # Which one, the push's page says for good.
        site_page.log_change(request, task, "Sent a variant to the rest.")
        messages.success(request, _("Variant %(variant)s goes to the rest.") % {"variant": variant})
    return HttpResponseRedirect(back)


def variants_file(request: HttpRequest, task: PushTask) -> HttpResponse:
    """Return the numbers of the variants as CSV."""
    test = _test_of(task)
    audit.record(request, AuditEntry.Action.EXPORT, task, {"what": "variants"})
    lines = variants_csv(TestResults.of(task, test), winner=test.winner)
    response = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="variants-{task.pk}.csv"'
    return response


def _test_of(task: PushTask) -> AbTest:
    try:
        return decision.test_of(task.workspace, task.pk)
    except ResultError:
        raise Http404 from None
