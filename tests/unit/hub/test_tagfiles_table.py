"""CSV and Excel: what is exported comes back the same, and what spreadsheets do to it is undone."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.bulk import ImportOptions, RowState
from hub.tagfiles.changes import Known
from hub.tagfiles.columns import FIELDS, HEADER, NULLABLE, NUMBERS, SWITCHES, number, switch
from hub.tagfiles.kinds import MAX_BYTES, read_file
from hub.tagfiles.own_table import write_table
from hub.tagfiles.preview import preview_rows
from hub.tagfiles.tables import MAX_ROWS
from hub.tagfiles.xlsx_file import MAX_BYTES as MAX_UNPACKED
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError

MODBUS = DeviceConfig(name="D", connection={"driver": "modbus", "host": "h"})
OPCUA = DeviceConfig(
    name="D", connection={"driver": "opcua", "endpoint": "opc.tcp://h"}, groups=[{"name": "normal"}]
)
NONE = ImportOptions()


def rows_of(name, content, device=MODBUS, tags=()):
    known = [Known(tag_id, None, config) for tag_id, config in tags]
    return preview_rows(read_file(name, content, device, NONE), device, known, NONE)


def refused(name, content, device=MODBUS):
    with pytest.raises(ConfigError) as error:
        read_file(name, content, device, NONE)
    assert error.value.hint
    return error.value.message


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


# --- round trip ---------------------------------------------------------------------------------
_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_hostile = st.sampled_from(
    ["=1+1", "'=x", "''", "'", "+5", "-", "@a", "\t", "\r\n", " x ", "_x000D_", 'a,b;"c"', "1-2",
     "TRUE", "00012", "1e5", "\x0b", "\ufffe", "\u2028", "  "]
)  # fmt: skip
_number = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def _tags(draw):
    names = draw(st.lists(st.one_of(_text, _hostile), min_size=1, max_size=4))
    found = []
    for index, text in enumerate(names):
        name = "".join(char for char in text if ord(char) >= 32)
        scale = draw(_number.filter(lambda value: value != 0))
        found.append(
            TagConfig(
                name=f"{name}{index}"[:100],
                address=f"ns=2;s={draw(st.one_of(_text, _hostile))}.",
                data_type=draw(st.sampled_from(["float32", "int16", "uint64", "bcd16"])),
                unit=draw(st.one_of(_text, _hostile)),
                scale=scale,
                offset=draw(_number),
                low=draw(st.none() | st.floats(-1e300, -1e-300)),
                high=draw(st.none() | st.floats(1e-300, 1e300)),
                deadband=draw(st.none() | st.floats(0, 1e9)),
                write_low=draw(st.none() | st.integers(-100, 0)),
                access=draw(st.sampled_from(["r", "rw"])),
                store=draw(st.booleans()),
                description=draw(st.one_of(_text, _hostile)),
            )
        )
    return list(enumerate(found, 1))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(tags=_tags(), file_format=st.sampled_from(["csv", "xlsx"]))
def test_an_exported_file_changes_nothing(tags, file_format):
    found = rows_of(f"tags.{file_format}", write_table(tags, file_format), OPCUA, tags)
    assert [(row.state, row.changes, row.problems) for row in found] == [
        (RowState.SAME, (), ()) for _ in tags
    ]


def test_every_field_of_a_tag_is_a_column():
    assert ("id", *FIELDS) == HEADER
    assert {"scale", "raw_low", "write_high", "deadband"} <= NUMBERS
    assert {"clamp", "store"} == SWITCHES
    assert "scale" not in NULLABLE


def test_export_disarms_formulas():
    tags = [(1, TagConfig(name="=cmd|' /C calc'!A0", address="HR:0", unit="@x", offset=-5))]
    text = write_table(tags, "csv").decode("utf-8-sig")
    cells = text.splitlines()[1].split(",")
    assert cells[1] == "'=cmd|' /C calc'!A0"
    assert "'@x" in cells
    assert "-5" in cells  # a number is no formula
    book = openpyxl.load_workbook(io.BytesIO(write_table(tags, "xlsx")))
    cell = book.active["B2"]
    assert (cell.data_type, cell.value) == ("s", "'=cmd|' /C calc'!A0")


# --- what spreadsheets do -------------------------------------------------------------------------
def test_numbers_where_texts_were():
    """Excel keeps 00001 as the number 1, and 40001 as a number, too."""
    content = workbook(
        ["Name", "Address", "Data type"],
        ["coil", 1, "bool"],
        ["register", 40001, "int16"],
        [7, 40002.0, "int16"],
    )
    found = rows_of("x.xlsx", content)
    assert [(row.name, row.config.address) for row in found] == [
        ("coil", "00001"),
        ("register", "40001"),
        ("7", "40002"),
    ]


def test_a_date_is_explained():
    content = workbook(["name", "address"], [date(2026, 1, 2), "HR:0"])
    (row,) = rows_of("x.xlsx", content)
    assert "format the column as text" in row.problems[0].message


@pytest.mark.parametrize("text", ["TRUE", "WAHR", "1", "yes", "ja", "On", True, 1, 1.0])
def test_on(text):
    assert switch(text) is True


@pytest.mark.parametrize("text", ["FALSE", "falsch", "0", "no", "Nein", False, 0])
def test_off(text):
    assert switch(text) is False


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [("1.5", False, 1.5), ("1,5", True, 1.5), ("1.234,5", True, 1234.5), ("-1e-3", True, -0.001),
     ("1.5", True, 1.5), (3, False, 3.0), ("\u22125", False, -5.0)],
)  # fmt: skip
def test_numbers(text, comma, value):
    assert number(text, decimal_comma=comma) == value


@pytest.mark.parametrize(
    ("text", "comma"),
    [("1,5", False), ("1,2,3", True), ("12.34,5", True), ("", True), (True, True)],
)
def test_no_numbers(text, comma):
    with pytest.raises(ValueError, match="no number"):
        number(text, decimal_comma=comma)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(encoding, delimiter):
    lines = ["name,address,unit", "Füllstand,HR:0,°C"]
    text = "\r\n".join(lines).replace(",", delimiter)
    (row,) = rows_of("x.csv", text.encode(encoding))
    assert (row.name, row.config.unit) == ("Füllstand", "°C")


def test_excels_own_line_names_the_delimiter():
    found = rows_of("x.csv", b'sep=;\nname;address\n"a\nb";x\nc;HR:0\n')
    assert [(row.line, row.name, row.state) for row in found] == [
        (3, "a\nb", RowState.BAD),
        (5, "c", RowState.NEW),
    ]


# --- no tag files --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\n;;;\n", "empty"),
        ("x.csv", b"a,b\n1,2\n", "called name"),
        ("x.csv", b"name,Name,address\n", "Two columns"),
        ("x.csv", b'name,address\n"a,b\n', "not CSV"),
        ("x.csv", b"name,address\n\xff\x00\x81\x8d\n", "no text"),
        ("x.xls", b"\xd0\xcf\x11\xe0rest", "before 2007"),
        ("x.xlsx", b"PK\x03\x04nothing", "no Excel workbook"),
        ("x.xml", b"<Tagtable>", "XML"),
        ("x.csv", b"name,address\n" + b"a" * MAX_BYTES, "MB"),
        ("x.csv", b"name,address\n" + b"a,b\n" * (MAX_ROWS + 1), "rows"),
    ],
)  # fmt: skip
def test_refused(name, content, words):
    device = MODBUS
    if name == "x.xml":
        device = DeviceConfig(name="D", connection={"driver": "s7", "host": "h"})
    assert words in refused(name, content, device)


def test_a_zip_bomb_is_not_unpacked():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b" " * (MAX_UNPACKED + 1))
    assert len(file.getvalue()) < 100_000
    assert "Unpacked" in refused("x.xlsx", file.getvalue())


def test_a_zip_that_lies_about_its_size_is_refused():
    """The sizes in the directory are believed, so unpacking must stop at them."""
    content = bytearray(workbook(["name", "address"], ["a", "HR:0"]))
    place = content.rindex(b"xl/worksheets/sheet1.xml") - 46  # its entry in the directory
    assert content[place : place + 4] == b"PK\x01\x02"
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")  # bytes, unpacked
    assert "no Excel workbook" in refused("x.xlsx", bytes(content))


def test_entities_are_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Tagtable><Tag>&a;</Tag></Tagtable>'
    device = DeviceConfig(name="D", connection={"driver": "s7", "host": "h"})
    assert "XML" in refused("x.xml", bomb, device)


def test_a_hole_sheet_of_formats_is_no_data():
    """A sheet that claims a million rows has those that it has."""
    book = openpyxl.Workbook()
    book.active.append(["name", "address"])
    book.active.append(["a", "HR:0"])
    book.active.cell(5000, 1).number_format = "@"
    file = io.BytesIO()
    book.save(file)
    assert [row.name for row in rows_of("x.xlsx", file.getvalue())] == ["a"]
