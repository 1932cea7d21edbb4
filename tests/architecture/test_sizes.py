"""A file stops at 300 lines; `long_files.txt` lists exceptions and only shrinks."""

from __future__ import annotations

from tests.architecture.files import ROOMS, ROOT, sources

LIMIT = 300
RATCHET = ROOT / "tests/architecture/long_files.txt"


def _allowed() -> dict[str, int]:
    lines = [line for line in RATCHET.read_text().splitlines() if line and line[0] != "#"]
    return {path: int(count) for path, count in (line.split() for line in lines)}


def _lengths() -> dict[str, int]:
    files = sources(".py", ".js", ".css", ".sql", ".sh", rooms=(*ROOMS, "tests"))
    return {str(path): len((ROOT / path).read_text().splitlines()) for path in files}


def test_no_file_is_longer_than_300_lines() -> None:
    allowed = _allowed()
    long = {path: count for path, count in _lengths().items() if count > allowed.get(path, LIMIT)}
    assert not long, "split these by their nouns; see docs/develop"


def test_the_list_of_long_files_only_shrinks() -> None:
    lengths = _lengths()
    stale = {path for path, count in _allowed().items() if lengths.get(path, 0) < count}
    assert not stale, f"shorter or gone now: lower or delete its line in {RATCHET.name}"
