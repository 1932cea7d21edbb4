"""Folders that PostgreSQL's own user can reach, which pytest's tmp_path is not for root."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="spindle-chaos-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path / "run"
