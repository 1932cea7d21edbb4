"""The functions that there are: built-ins, and the plant's own in versions."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.function_records import Checked, FunctionVersion, Origin, PlantFunction
from hub.functions import sources
from hub.functions.built_ins import built_in_problems, built_in_spec
from hub.functions.loading import Loader
from hub.functions.versions import (
    check_declared,
    check_next,
    newest_first,
    spec_from,
    spec_map,
)
from hub.records import User
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from hub.storage.function_rows import FunctionVersionRow, NewVersion
from schemas.config.functions import FunctionConfig
from schemas.errors import (
    ConfigError,
    ConfigErrors,
    ConflictError,
    NotFoundError,
    SpindleError,
)
from schemas.functions import Bindings, FunctionSpec
from udf import builtins
from udf.faults import FunctionFault
from udf.process.bundle import read_bundle, sha256, wheel_bundle

MAX_NOTES = 2000


@dataclass(frozen=True, slots=True)
class Saved:
    """What belongs to a new version besides its bundle."""

    origin: Origin
    source: str
    notes: str
    path: str
    """Where its problems are."""


_RESERVED = frozenset({"new", "uses"})
"""Addresses of pages beside those of functions."""


class Catalogue:
    """Catalogue(store, loader): the part of FunctionService about functions themselves."""

    def __init__(self, store: ConfigStore, loader: Loader) -> None:
        self._store = store
        self._loader = loader

    # --- reading --------------------------------------------------------------------------------
    async def functions(self) -> list[PlantFunction]:
        """Without the sources of their versions, which `function` has."""
        by_name: dict[str, list[FunctionVersionRow]] = defaultdict(list)
        for row in await self._store.function_versions():
            by_name[row.name].append(row)
        counts = await self._store.use_counts()
        found = [_function(rows) for rows in by_name.values()]
        found += [_built_in(spec, counts) for spec in await asyncio.to_thread(builtins.specs)]
        return sorted(found, key=lambda item: item.name)

    async def function(self, name: str) -> PlantFunction:
        """Raises NotFoundError."""
        if name in builtins.names():
            spec = await asyncio.to_thread(built_in_spec, name)
            return _built_in(spec, await self._store.use_counts())
        rows = await self._store.function_versions(name, sources=True)
        if not rows:
            raise NotFoundError(f"There is no function {name!r}.")
        return _function(rows)

    async def version(self, name: str, number: str) -> FunctionVersion:
        """One version of a function; of a built-in the one that there is, and `number` is empty.

        Raises ConfigErrors at `function` and `version`.
        """
        if name in builtins.names():
            return (await self.function(name)).newest
        if not number:
            function = await self._named(name)
            hint = f"The newest is {function.newest.number}."
            raise _wrong("version", f"Which version of {name} is meant?", hint)
        rows = await self._store.function_versions(name, number, sources=True)
        if not rows:
            function = await self._named(name)
            hint = f"There are {', '.join(item.number for item in function.versions[:5])}."
            raise _wrong("version", f"There is no version {number} of {name}.", hint)
        return _version(rows[0])

    async def spec(self, config: FunctionConfig, conn: Connection | None = None) -> FunctionSpec:
        """What the function of a use declares, also when it is deleted. Raises NotFoundError."""
        if config.built_in:
            return await asyncio.to_thread(built_in_spec, config.function)
        found = await self._store.function_specs([config.package], conn)
        if config.package not in found:
            raise NotFoundError(f"There is no package {config.package[:12]}.")
        return spec_from(found[config.package])

    async def bundle(self, package: str) -> bytes:
        """Of a saved package, by its SHA-256. Raises NotFoundError."""
        return await self._store.package(package)

    async def parameter_problems(
        self, version: FunctionVersion, parameters: Mapping[str, Any], bindings: Bindings
    ) -> list[SpindleError]:
        """What is wrong with the parameters of a use, at `parameters.<name>`.

        A package says it itself, in a process of its own, because its model may check anything.
        """
        if not version.package:
            name = version.spec.name
            return await asyncio.to_thread(built_in_problems, name, parameters, bindings)
        bundle = await self._store.package(version.package)
        return await self._loader.problems(bundle, parameters, bindings)

    # --- writing --------------------------------------------------------------------------------
    async def check(self, source: str) -> Checked:
        """Load a source in a process of its own; what is wrong has its line."""
        found = await sources.checked(source, self._loader)
        if found.spec is None:
            return found
        try:
            check_declared(found.spec, "source")
        except ConfigErrors as error:
            return Checked(None, sources.on_first_line(error))
        return found

    async def save(self, who: User, source: str, notes: str = "") -> PlantFunction:
        """A new version of the function that the source names."""
        found = await self.check(source)
        if found.spec is None:
            raise sources.refused(found.problems)
        bundle = await asyncio.to_thread(sources.bundle_of, source, found.spec)
        await self._insert(who, found.spec, bundle, Saved(Origin.SOURCE, source, notes, "source.1"))
        return await self.function(found.spec.name)

    async def upload(self, who: User, name: str, content: bytes, notes: str = "") -> PlantFunction:
        """A wheel, or a bundle of `spindle-udf package`; `name` is the file's."""
        bundle, origin, source = await asyncio.to_thread(_bundle_in, name, content)
        try:
            spec = await self._loader.spec(bundle)
        except FunctionFault as error:
            raise _wrong("file", error.fault.words, "Test it with `spindle-udf test`.") from error
        except ConfigError as error:
            raise _wrong("file", error.message, error.hint) from error
        check_declared(spec, "file")
        _as_named(bundle, spec)
        await self._insert(who, spec, bundle, Saved(origin, source, notes, "file"))
        return await self.function(spec.name)

    async def delete_function(self, who: User, name: str) -> None:
        """Its versions stay in SQL, because revisions name them."""
        if name in builtins.names():
            raise ConflictError(f"{name} comes with Spindle and cannot be deleted.", hint="")
        async with self._store.database.transaction() as conn:
            await self._store.delete_function(name, conn)
            used = await self._store.uses(function=name, conn=conn)
            if used:
                where = ", ".join(f"{row.device.spoke}/{row.device.name}" for row in used[:3])
                raise ConflictError(
                    f"{name} is at work: {where}{', ...' if len(used) > 3 else ''}.",
                    hint="Delete these uses first.",
                )
            await self._store.insert_audit(who.name, "function.delete", name, {}, conn)

    async def _insert(self, who: User, spec: FunctionSpec, bundle: bytes, saved: Saved) -> None:
        """Nothing for what is there already. Raises ConfigErrors, ConflictError."""
        if spec.name in _RESERVED:
            hint = "Choose another name; /functions/new is the editor's address."
            raise _wrong(saved.path, f"{spec.name!r} cannot be the name of a function.", hint)
        if spec.name in builtins.names():
            hint = "Choose another name in the function's class."
            raise _wrong(saved.path, f"{spec.name} is the name of a built-in function.", hint)
        package = sha256(bundle)
        async with self._store.database.transaction() as conn:
            function_id = await self._store.lock_function(spec.name, conn)
            rows = await self._store.function_versions(spec.name, conn=conn)
            by_number = {row.number: row for row in rows}
            same = by_number.get(spec.version)
            if same is not None:
                if same.package == package:
                    return
                raise ConflictError(
                    f"{spec.name} {spec.version} is there already, and it is another one.",
                    hint=f"Raise the version: {newest_first(by_number)[0]} is the newest.",
                    path=saved.path,
                )
            if by_number:
                newest = by_number[newest_first(by_number)[0]]
                check_next(spec_from(newest.spec), spec, saved.path)
            version = NewVersion(
                spec.version,
                saved.origin,
                package,
                bundle,
                saved.source,
                spec_map(spec),
                who.name,
                saved.notes.replace("\0", "").strip()[:MAX_NOTES],
            )
            await self._store.insert_function_version(function_id, version, conn)
            detail = {"version": spec.version, "package": package, "origin": saved.origin}
            await self._store.insert_audit(who.name, "function.save", spec.name, detail, conn)

    async def _named(self, name: str) -> PlantFunction:
        try:
            return await self.function(name)
        except NotFoundError as error:
            raise _wrong("function", error.message, error.hint) from error


def _bundle_in(name: str, content: bytes) -> tuple[bytes, Origin, str]:
    """(bundle, origin, source) of an upload. Raises ConfigErrors at `file`."""
    try:
        if name.lower().endswith(".whl"):
            return wheel_bundle({name: content}), Origin.WHEEL, ""
        bundle = read_bundle(content)
    except ConfigError as error:
        raise _wrong("file", error.message, error.hint) from error
    origin = Origin.SOURCE if bundle.origin == "source" else Origin.WHEEL
    return content, origin, bundle.source


def _as_named(bundle: bytes, spec: FunctionSpec) -> None:
    """Name and version outside are those inside, so that a gateway's events name the right one."""
    found = read_bundle(bundle)
    if (found.name, found.version) != (spec.name, spec.version):
        text = f"The package is {found.name} {found.version}, and its class says "
        text += f"{spec.name} {spec.version}."
        raise _wrong("file", text, "Give both the same name and version.")


def _built_in(spec: FunctionSpec, counts: Mapping[str, int]) -> PlantFunction:
    uses = counts.get(spec.name, 0)
    version = FunctionVersion(spec.version, spec, package="", uses=uses)
    return PlantFunction(spec.name, Origin.BUILT_IN, (version,), uses)


def _function(rows: list[FunctionVersionRow]) -> PlantFunction:
    by_number = {row.number: row for row in rows}
    ordered = [by_number[number] for number in newest_first(by_number)]
    versions = tuple(_version(row) for row in ordered)
    uses = sum(version.uses for version in versions)
    return PlantFunction(ordered[0].name, Origin(ordered[0].origin), versions, uses)


def _version(row: FunctionVersionRow) -> FunctionVersion:
    return FunctionVersion(
        number=row.number,
        spec=spec_from(row.spec),
        package=row.package,
        size_bytes=row.size_bytes,
        source=row.source,
        author=row.author,
        notes=row.notes,
        created_ns=row.created_ns,
        uses=row.uses,
    )


def _wrong(path: str, message: str, hint: str) -> ConfigErrors:
    return ConfigErrors([ConfigError(message, hint=hint, path=path)])
