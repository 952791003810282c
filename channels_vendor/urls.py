"""What vendors call."""

from __future__ import annotations

from django.urls import path

from channels_vendor.receipts import receive

urlpatterns = [path("receipts/<str:key>", receive, name="vendor_receipts")]
