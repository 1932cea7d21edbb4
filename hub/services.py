"""What pages and the API can call: a frozen bundle of Protocols, and the records they pass.

UI and API import this module and nothing below it, so each is testable without a server.
Every method that changes something takes `who`, checks nothing about roles (the API and the pages
do, through `Access.require`), and writes a revision and an audit line in the same transaction.
Times are ns UTC. Errors are those of schemas/errors.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.bulk import ImportDone, ImportOptions, ImportPreview, ImportRow, Profile, Progress
from hub.function_services import Functions
from hub.records import (
    DeadLetter,
    Device,
    Latest,
    LedgerRow,
    Revision,
    Role,
    Series,
    Spoke,
    System,
    Tag,
    User,
)
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.drivers import DriverConfig
from schemas.messages.browsing import BrowseReply, DiscoverReply
from schemas.messages.commands import TestReply
from schemas.messages.diagnosis import DiagnoseReply
from schemas.messages.writes import WriteResult


class Access(Protocol):
    async def login(self, name: str, password: str) -> str:
        """A session token (JWT). Raises LoginError, also while the account pauses."""

    async def logout(self, token: str) -> None: ...

    async def user(self, token: str) -> User:
        """Who this token belongs to. Raises LoginError when it is invalid, expired or revoked."""

    def require(self, user: User, role: Role) -> None:
        """Raises ForbiddenError unless the user's role includes `role`."""

    async def users(self) -> list[User]: ...

    async def create_user(self, who: User, name: str, password: str, role: Role) -> User: ...

    async def change_password(self, who: User, old: str, new: str) -> None: ...


class Fleet(Protocol):
    async def spokes(self) -> list[Spoke]: ...

    async def spoke(self, spoke_id: int) -> Spoke: ...

    async def create_spoke(self, who: User, name: str, description: str = "") -> Spoke:
        """Raises ConfigError for a name that is no subject token, ConflictError when it exists."""

    async def delete_spoke(self, who: User, spoke_id: int) -> None: ...

    async def credentials(self, who: User, spoke_id: int) -> str:
        """A NATS credentials file for this spoke, made anew at each call; shown once."""

    async def devices(self, spoke_id: int | None = None) -> list[Device]: ...

    async def device(self, device_id: int) -> Device: ...

    async def create_device(
        self, who: User, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig] = ()
    ) -> Device: ...

    async def update_device(
        self, who: User, device_id: int, config: DeviceConfig, version: int
    ) -> Device: ...

    async def clone_device(self, who: User, device_id: int, name: str) -> Device:
        """A copy with all tags under a new name, switched off so that it can be edited first."""

    async def delete_device(self, who: User, device_id: int) -> None:
        """Its stored values stay in SQL."""

    async def tags(self, device_id: int | None = None) -> list[Tag]: ...

    async def create_tags(self, who: User, device_id: int, tags: Sequence[TagConfig]) -> list[Tag]:
        """All or none; raises ConfigErrors (all problems with paths)."""

    async def update_tag(self, who: User, tag_id: int, config: TagConfig) -> Tag:
        """Raises ConflictError when the kind would change after the first sample."""

    async def delete_tags(self, who: User, tag_ids: Sequence[int]) -> int: ...

    async def test_device(
        self, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> TestReply:
        """Connect and read once, on the spoke. Raises SpokeOfflineError, ConfigErrors."""

    async def revisions(self, spoke_id: int) -> list[Revision]: ...


class Remote(Protocol):
    """A device at work, through its spoke. All raise SpokeOfflineError and NotFoundError."""

    async def diagnose(
        self, device_id: int, trace_s: float | None = None, *, retry: bool = False
    ) -> DiagnoseReply:
        """Plan, timing and trace of a running device; `trace_s` and `retry` as in
        DiagnoseRequest."""

    async def discover(
        self, spoke_id: int, connection: DriverConfig, device_id: int | None = None
    ) -> DiscoverReply:
        """Endpoints and certificates of a server; a masked secret is that of `device_id`."""

    async def browse(
        self,
        spoke_id: int,
        connection: DriverConfig,
        node: str = "",
        *,
        deep: bool = False,
        device_id: int | None = None,
    ) -> BrowseReply:
        """What lies below a node of a device."""

    async def write(
        self, who: User, device_id: int, values: Mapping[int, float | int | bool | str]
    ) -> list[WriteResult]:
        """Write values by tag id, in the tags' units; each is tried once, at once or not at all.

        Raises ConfigErrors with the path `values.<tag id>` when a tag is read-only, out of its
        limits or of another type (nothing is written then), and SpokeOfflineError. Audited before
        and after.
        """


class TagFiles(Protocol):
    """Tags of a device to a file and back."""

    async def export_tags(self, device_id: int, file_format: str) -> bytes:
        """All tags as `csv` (UTF-8 with BOM, comma) or `xlsx`; importing it changes nothing."""

    async def preview_import(
        self, device_id: int, name: str, content: bytes, options: ImportOptions
    ) -> ImportPreview:
        """Read a tag file; `name` tells its kind. Raises ConfigError for one that is none."""

    async def apply_import(
        self,
        who: User,
        device_id: int,
        rows: Sequence[ImportRow],
        options: ImportOptions,
        progress: Progress | None = None,
    ) -> ImportDone:
        """One revision, all or nothing. Raises ConflictError when the tags were changed since the
        preview, ConfigErrors for bad rows unless `skip_bad`."""


class Profiles(Protocol):
    """Kinds of devices, to make many of."""

    async def profiles(self) -> list[Profile]: ...

    async def profile(self, profile_id: int, version: int | None = None) -> Profile:
        """The newest version, or an older one."""

    async def save_profile(self, who: User, profile: Profile) -> Profile:
        """A new profile (id 0), or a new version of it; ConflictError when `version` is not the
        newest."""

    async def profile_of_device(self, device_id: int) -> Profile:
        """A draft (id 0, not saved) of a device with its tags: host, unit id and name become
        parameters."""

    async def delete_profile(self, who: User, profile_id: int) -> None:
        """The devices that were made from it stay."""

    async def create_from_profile(
        self, who: User, profile_id: int, spoke_id: int, rows: Sequence[Mapping[str, str]]
    ) -> list[Device]:
        """One device for each row of parameter values (and `name`), all or none in one revision.
        Raises ConfigErrors with the path `rows.<i>...`."""


class Data(Protocol):
    async def latest(self, tag_ids: Sequence[int]) -> dict[int, Latest]: ...

    async def trend(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]: ...

    async def ledger(self) -> list[LedgerRow]: ...

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]: ...

    async def system(self) -> System: ...


class Watcher(Protocol):
    """A subscription to the live values of one device, for one page."""

    async def __aenter__(self) -> Watcher: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def next(self) -> bytes:
        """The next message for the browser, encoded once for all watchers: JSON
        {"rows": [{"id": tag id, "v": value or null, "q": quality words, "t": ms UTC}, ...]}."""


class Live(Protocol):
    def watch(self, device_id: int) -> Watcher: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The bundle that pages and API get."""

    access: Access
    fleet: Fleet
    data: Data
    live: Live
    remote: Remote
    tag_files: TagFiles
    profiles: Profiles
    functions: Functions
    settings: dict[str, Any] = field(default_factory=dict)
