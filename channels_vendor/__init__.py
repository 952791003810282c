"""Vendor channels: messages by way of phone makers' and Google's push services. A folder is a vendor."""
