"""Who may do what: users, passwords, sessions, roles."""

from hub.access.service import AccessService

__all__ = ["AccessService"]
