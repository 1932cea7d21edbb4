"""Tag files as other programs write them, each a folder of data: `tagfiles/<case>/`.

`input.*` is the file, `device.json` the device, `options.json` the options where there are any, and
`expected.txt` what the preview must say: a line per row, then the notes, or the error.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.bulk import ImportOptions, ImportRow, RowState
from hub.tagfiles.kinds import read_file
from hub.tagfiles.preview import preview_rows
from schemas.config.devices import DeviceConfig
from schemas.errors import ConfigError

CASES = Path(__file__).parent / "tagfiles"
SHOWN = ("name", "address", "data_type")


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_case(case):
    expected = (CASES / case / "expected.txt").read_text(encoding="utf-8")
    assert report(CASES / case) == expected


def report(folder: Path) -> str:
    """What the preview of a case says."""
    (source,) = folder.glob("input.*")
    device = DeviceConfig.model_validate_json((folder / "device.json").read_text())
    options_file = folder / "options.json"
    options = ImportOptions(**json.loads(options_file.read_text()) if options_file.exists() else {})
    try:
        file = read_file(source.name, source.read_bytes(), device, options)
        rows = preview_rows(file, device, [], options)
    except ConfigError as error:
        return f"error: {error.message}\nhint: {error.hint}\n"
    lines = [file.format, *(words(row) for row in rows), *(f"note: {note}" for note in file.notes)]
    return "\n".join(lines) + "\n"


def words(row: ImportRow) -> str:
    head = f"{row.line:3} {row.state} {row.name}"
    if row.state is RowState.BAD:
        assert row.config is None
        return " | ".join([head, *(f"{item.path}: {item.message}" for item in row.problems)])
    assert row.config is not None
    config = row.config.model_dump(mode="json", exclude_defaults=True)
    more = [f"{name}={value!r}" for name, value in config.items() if name not in SHOWN]
    return " | ".join([head, row.config.address, row.config.data_type, *more])
