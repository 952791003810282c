"""Choose devices by what is known of them and of their users (docs/audiences.md)."""
