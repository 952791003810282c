"""Who may do what: rights, login, second factor, invitations, sessions, audit log."""
