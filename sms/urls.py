"""What providers of SMS call."""

from __future__ import annotations

from django.urls import path

from sms.reports.reports import receive

urlpatterns = [path("receipts/<str:key>", receive, name="sms_receipts")]
