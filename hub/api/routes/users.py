"""Users and their roles; for admins."""

from __future__ import annotations

from fastapi import APIRouter

from hub.api.deps import Admin, Bundle
from hub.api.models import PasswordReset, UserAnswer, UserChange, UserCreate
from hub.api.ports import admin_of

router = APIRouter(prefix="/users", tags=["users"])


@router.get("")
async def list_users(_: Admin, services: Bundle) -> list[UserAnswer]:
    return [UserAnswer.of(user) for user in await services.access.users()]


@router.post("", status_code=201)
async def create_user(body: UserCreate, who: Admin, services: Bundle) -> UserAnswer:
    user = await services.access.create_user(who, body.name, body.password, body.role)
    return UserAnswer.of(user)


@router.patch("/{user_id}")
async def change_user(user_id: int, body: UserChange, who: Admin, services: Bundle) -> UserAnswer:
    """Role and lock; both count at once, also for sessions that are open."""
    access = admin_of(services)
    user = await access.update_user(who, user_id, role=body.role, disabled=body.disabled)
    return UserAnswer.of(user)


@router.post("/{user_id}/password", status_code=204)
async def reset_password(user_id: int, body: PasswordReset, who: Admin, services: Bundle) -> None:
    """Sets a new password and ends all sessions of the user."""
    await admin_of(services).reset_password(who, user_id, body.new)
