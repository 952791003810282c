"""The home page: what needs a person, how today and the week go, the newest messages, and the set-up of a workspace."""
