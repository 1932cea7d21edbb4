"""What the API needs of `access` beyond what the pages use."""

from __future__ import annotations

from typing import Protocol, cast

from hub.services import Access, Role, Services, User


class AccessAdmin(Access, Protocol):
    async def update_user(
        self, who: User, user_id: int, *, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Raises NotFoundError; ConflictError when no admin would be left."""

    async def reset_password(self, who: User, user_id: int, new: str) -> None: ...


def admin_of(services: Services) -> AccessAdmin:
    """AccessService has these methods; the bundle's Protocol shows fewer of them."""
    return cast(AccessAdmin, services.access)
