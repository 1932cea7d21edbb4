"""What a route asks for: the services, and a user with the role that the route needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from hub.api.guard import TOKEN_KEY, USER_KEY
from hub.records import Role, User
from hub.services import Services


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _token(request: Request) -> str:
    return str(request.scope[TOKEN_KEY])


def _with_role(role: Role) -> Callable[[Request], Awaitable[User]]:
    async def user(request: Request) -> User:
        found = cast(User, request.scope[USER_KEY])  # the guard put it there
        services = await _services(request)
        services.access.require(found, role)
        return found

    user.__name__ = f"{role}_or_more"
    return user


Bundle = Annotated[Services, Depends(_services)]
Token = Annotated[str, Depends(_token)]
Viewer = Annotated[User, Depends(_with_role(Role.VIEWER))]
Operator = Annotated[User, Depends(_with_role(Role.OPERATOR))]
Engineer = Annotated[User, Depends(_with_role(Role.ENGINEER))]
Admin = Annotated[User, Depends(_with_role(Role.ADMIN))]
