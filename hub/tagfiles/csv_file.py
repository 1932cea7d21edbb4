"""CSV: whatever Excel and other programs write, read; one plain kind, written.

Delimiter `,` `;` or tab, told from the header; Excel's `sep=;` line is understood. Where the comma
does not separate cells it is a decimal comma.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from hub.tagfiles.tables import Cell, Table, make_table
from hub.tagfiles.text import decode
from schemas.errors import ConfigError

DELIMITERS = (",", ";", "\t")


def read_csv(content: bytes) -> Table:
    """Raises ConfigError."""
    text = decode(content)
    skipped = 0
    first, _, rest = text.partition("\n")
    delimiter = _told(first)
    if delimiter:
        text, skipped = rest, 1
    else:
        delimiter = _sniff(text)
    lines = _lines(text, delimiter, skipped)
    return make_table(lines, decimal_comma=delimiter != ",")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8 with BOM (so that Excel sees it), comma, CRLF."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode("utf-8-sig")


def _lines(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = skipped + 1
    try:
        for cells in reader:
            yield line, cells
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(
            f"Line {line} is not CSV: {error}.", hint="Look for a quote that is never closed."
        ) from error


def _told(first: str) -> str:
    """Excel's own way to name the delimiter, `sep=;`."""
    line = first.strip("\r\n")
    return line[4] if line.lower().startswith("sep=") and len(line) == 5 else ""


def _sniff(text: str) -> str:
    """The delimiter that occurs most in the first line with text, outside quotes."""
    for line in text.splitlines():
        if line.strip():
            bare = "".join(part for part in line.split('"')[::2])
            return max(DELIMITERS, key=bare.count)
    return ","
