"""Any service that takes an SMS as one HTTP call."""
