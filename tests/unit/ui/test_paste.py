"""Pasted lines become tags or problems in words, never something in between."""

from __future__ import annotations

from hub.ui.components.paste import MAX_LINES, parse
from schemas.config.drivers import ModbusConfig, OpcUaConfig, SimConfig
from schemas.kinds import DataType

SIM = SimConfig()


def test_name_address_type_and_unit() -> None:
    lines = parse("Speed, wave:1, float32, bpm\n\nFilled, counter, int64", SIM)
    assert [line.problems for line in lines] == [[], []]
    assert [line.number for line in lines] == [1, 3]
    tags = [line.tag for line in lines if line.tag]
    assert (tags[0].name, tags[0].address, tags[0].unit) == ("Speed", "wave:1", "bpm")
    assert tags[1].data_type is DataType.INT64


def test_a_spreadsheet_pastes_tabs_and_node_ids_keep_their_semicolons() -> None:
    settings = OpcUaConfig(endpoint="opc.tcp://10.0.0.1:4840")
    (line,) = parse("Speed\tns=2;s=Filler, main.Speed\tdouble\tbpm", settings)
    assert line.problems == []
    assert line.tag is not None
    assert line.tag.address == "ns=2;s=Filler, main.Speed"
    assert line.tag.data_type is DataType.FLOAT64


def test_a_header_gives_another_order_and_more_columns() -> None:
    text = "address,name,type,scale,group\nwave,Speed,REAL,0.1,fast"
    (line,) = parse(text, SIM)
    assert line.tag is not None
    assert (line.tag.name, line.tag.scale, line.tag.group) == ("Speed", 0.1, "fast")


def test_a_header_may_name_every_field_of_a_tag() -> None:
    text = (
        "name,address,type,raw low,raw high,low,high,access,write high\nL,wave,INT,0,100,0,1,rw,1"
    )
    (line,) = parse(text, SIM)
    assert line.problems == []
    assert line.tag is not None
    assert (line.tag.factors, line.tag.access, line.tag.write_high) == ((0.01, 0.0), "rw", 1.0)


def test_every_problem_names_what_is_wrong_in_its_line() -> None:
    text = (
        "Speed, wave, flaot\nNo address\nTwin, wave, real\nTwin, wave, real\n"
        "Old, wave\nX, HR:1, real"
    )
    lines = parse(text, SIM, taken={"Old"})
    problems = [" ".join(line.problems) for line in lines]
    assert problems[0].startswith("Data type: 'flaot' is none of bool")
    assert problems[1] == "The address is missing."
    assert problems[2] == ""
    assert problems[3] == "The name 'Twin' is also in line 3."
    assert problems[4] == "The device already has a tag 'Old'."
    assert "is not a simulated signal" in problems[5]


def test_overlapping_registers_are_found_beside_other_problems() -> None:
    settings = ModbusConfig(host="10.0.0.1")
    text = "A, nonsense, real\nB, HR:0, real\nC, HR:1, real\nD, HR:10, real"
    lines = parse(text, settings)
    assert lines[0].problems
    assert lines[3].problems == []
    assert any("B" in text or "C" in text for text in lines[1].problems + lines[2].problems)


def test_too_many_cells_and_too_many_lines_are_problems() -> None:
    (line,) = parse("a,wave,real,u,1,0,normal,note,too much", SIM)
    assert line.problems == ["9 cells, at most 8 are known."]
    many = parse("\n".join(f"t{n},wave" for n in range(MAX_LINES + 50)), SIM)
    assert len(many) == MAX_LINES + 1
    assert many[-1].problems == [f"At most {MAX_LINES} lines at once."]
