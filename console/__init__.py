"""The operators' console: Django's admin, limited to the apps that a user is a member of, and pages of its own."""
