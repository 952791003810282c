"""Web Push: browsers, by the push services of their vendors."""
