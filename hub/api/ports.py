"""What the API needs of the services beyond what the pages use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from hub.records import Device, Role, User
from hub.services import Access, Profiles, Services


class AccessAdmin(Access, Protocol):
    async def update_user(
        self, who: User, user_id: int, *, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Raises NotFoundError; ConflictError when no admin would be left."""

    async def reset_password(self, who: User, user_id: int, new: str) -> None: ...


def admin_of(services: Services) -> AccessAdmin:
    """AccessService has these methods; the bundle's Protocol shows fewer of them."""
    return cast(AccessAdmin, services.access)


class ProfileUpdates(Profiles, Protocol):
    async def update_to_profile(self, who: User, device_ids: Sequence[int]) -> list[Device]:
        """To the newest version; raises ConfigErrors with the path `devices.<id>...`."""


def updates_of(services: Services) -> ProfileUpdates:
    """ProfileService has this method; the bundle's Protocol shows fewer of them."""
    return cast(ProfileUpdates, services.profiles)
