"""What vendors call."""

from __future__ import annotations

from django.urls import path

from channels_vendor.reports.reports import receive

urlpatterns = [path("receipts/<str:key>", receive, name="vendor_receipts")]
