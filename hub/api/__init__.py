"""The REST API under /api/v1; it calls the same services as the pages."""

from hub.api.app import SESSION_COOKIE, mount

__all__ = ["SESSION_COOKIE", "mount"]
