"""Numbered files, and what a mode opens in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.storage.migrate import Migration, migrations


def test_the_released_files_are_numbered_without_a_gap() -> None:
    found = migrations()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    assert found[0].name == "config"


def test_a_gap_or_a_misnamed_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("")
    (tmp_path / "0003_c.sql").write_text("")
    with pytest.raises(ValueError, match=r"0003_c\.sql is not migration number 2"):
        migrations(tmp_path)


def test_each_mode_opens_its_own_comments() -> None:
    migration = Migration(1, "x", "a /*plain: b */ c /*timescale:\nd\n*/ /* kept */")
    assert migration.text(hypertables=False).split() == ["a", "b", "c", "/*", "kept", "*/"]
    assert migration.text(hypertables=True).split() == ["a", "c", "d", "/*", "kept", "*/"]
