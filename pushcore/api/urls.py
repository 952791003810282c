"""Routes of the RPC and REST APIs, and of the OpenAPI document and its page."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from pushcore.api.rest.endpoint import VIEWS
from pushcore.api.rest.file_push import FilePushView, FileReportView
from pushcore.api.rest.templates import TemplatesView, TemplateView
from pushcore.api.rpc.endpoint import rpc_view

urlpatterns = [
    path("", rpc_view, name="rpc"),
    *(path(f"api/v1/{route}", view.as_view(), name=f"rest-{route}") for route, view in VIEWS.items()),
    path("api/v1/push/multiple/file", FilePushView.as_view(), name="rest-file-push"),
    path("api/v1/push/multiple/file/<str:task_id>", FileReportView.as_view(), name="rest-file-report"),
    path("api/v1/templates", TemplatesView.as_view(), name="rest-templates"),
    path("api/v1/templates/<str:name>", TemplateView.as_view(), name="rest-template"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="rest-schema"),
    # With its script in a file of its own, as the Content Security Policy has it.
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="rest-schema"), name="rest-docs"),
]
