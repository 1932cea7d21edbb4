"""What a file would do to a device, and whether it still may when it is applied."""

from __future__ import annotations

import dataclasses

import pytest

from hub.bulk import ImportOptions, RowState
from hub.tagfiles.changes import Known, plan
from hub.tagfiles.kinds import read_file
from hub.tagfiles.preview import preview_rows
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConflictError

DEVICE = DeviceConfig(
    name="D",
    connection={"driver": "modbus", "host": "h"},
    groups=[{"name": "fast", "period_ms": 100}, {"name": "normal"}],
)
NONE = ImportOptions()


def known(*configs, wires=None):
    wires = wires or {}
    return [Known(number, wires.get(number), config) for number, config in enumerate(configs, 1)]


def tag(name, address, **more):
    return TagConfig(name=name, address=address, **more)


def preview(text, tags=(), options=NONE, device=DEVICE):
    file = read_file("tags.csv", text.encode(), device, options)
    return preview_rows(file, device, tags, options)


def words(rows):
    return [(row.name, row.state.value, row.changes) for row in rows]


def test_new_changed_same():
    tags = known(tag("a", "HR:0", unit="bar"), tag("b", "HR:2"), tag("c", "HR:4"))
    found = preview("name,address,unit\na,HR:0,mbar\nb,HR:2,\nd,HR:6,V\n", tags)
    assert words(found) == [
        ("a", "changed", ("unit: bar -> mbar",)),
        ("b", "same", ()),
        ("d", "new", ()),
    ]
    assert [row.tag_id for row in found] == [1, 2, None]


def test_a_missing_column_keeps_and_an_empty_cell_clears():
    tags = known(tag("a", "HR:0", unit="bar", low=0, high=5, group="fast", description="x"))
    (row,) = preview("name,address,unit,high,group\na,HR:0,,7,\n", tags)
    assert row.changes == ("unit: bar -> nothing", "high: 5 -> 7")
    assert (row.config.group, row.config.description) == ("fast", "x")


def test_removed_only_where_asked():
    tags = known(tag("a", "HR:0"), tag("b", "HR:2"))
    text = "name,address\na,HR:0\n"
    assert len(preview(text, tags)) == 1
    (_, gone) = preview(text, tags, ImportOptions(remove=True))
    assert (gone.line, gone.state, gone.name, gone.tag_id) == (0, RowState.REMOVED, "b", 2)


def test_a_bad_row_does_not_remove_its_tag():
    tags = known(tag("a", "HR:0"))
    (row,) = preview("name,address\na,nowhere\n", tags, ImportOptions(remove=True))
    assert (row.state, row.tag_id, row.config) == (RowState.BAD, 1, None)


def test_an_id_renames():
    tags = known(tag("a", "HR:0"), tag("b", "HR:2"))
    found = preview("id,name,address\n1,z,HR:0\n2,b,HR:2\n", tags)
    assert words(found) == [("z", "changed", ("name: a -> z",)), ("b", "same", ())]
    assert words(preview("name,address\nz,HR:9\n", tags)) == [("z", "new", ())]


def test_two_tags_change_names_with_each_other():
    tags = known(tag("a", "HR:0"), tag("b", "HR:2"))
    found = preview("id,name,address\n1,b,HR:0\n2,a,HR:2\n", tags)
    assert [row.state for row in found] == [RowState.CHANGED] * 2
    work = plan(found, tags, NONE)
    assert work.renamed == [1, 2]


def test_a_name_that_another_tag_keeps_is_taken():
    tags = known(tag("a", "HR:0"), tag("b", "HR:2"))
    (row,) = preview("id,name,address\n1,b,HR:0\n", tags)
    assert [(item.path, "already" in item.message) for item in row.problems] == [("name", True)]
    # but not when that tag is removed
    (row, gone) = preview("id,name,address\n1,b,HR:0\n", tags, ImportOptions(remove=True))
    assert (row.state, gone.state) == (RowState.CHANGED, RowState.REMOVED)


def test_ids_twice_and_of_another_device():
    tags = known(tag("a", "HR:0"))
    first, second, third = preview("id,name,address\n1,a,HR:0\n1,b,HR:2\n77,c,HR:4\n", tags)
    assert (first.state, third.state) == (RowState.SAME, RowState.NEW)
    assert second.problems[0].path == "id"
    file = read_file("tags.csv", b"id,name,address\n77,c,HR:4\n", DEVICE, NONE)
    preview_rows(file, DEVICE, tags, NONE)
    assert "1 ids are of no tag" in file.notes[0]


def test_type_is_fixed_after_the_first_sample():
    text = "name,address,data_type,scale\na,HR:0,int16,1\n"
    before = known(tag("a", "HR:0"))
    assert preview(text, before)[0].state is RowState.CHANGED
    after = known(tag("a", "HR:0"), wires={1: "<f4"})
    (row,) = preview(text, after)
    assert row.state is RowState.BAD
    assert row.problems[0].path == "data_type"
    assert "stored as float" in row.problems[0].message


def test_scan_groups():
    (row,) = preview("name,address,group\na,HR:0,slow\n")
    assert row.problems[0].hint == "The device has 'fast', 'normal'."
    (row,) = preview("name,address\na,HR:0\n", options=ImportOptions(group="fast"))
    assert row.config.group == "fast"
    with pytest.raises(ConfigError, match="slow"):
        preview("name,address\na,HR:0\n", options=ImportOptions(group="slow"))


def test_overlap_is_told_at_the_new_row_and_not_at_the_old_tag():
    tags = known(tag("old", "HR:1"))
    for text in ("name,address\nnew,HR:0\n", "name,address\nold,HR:1\nnew,HR:0\n"):
        *others, row = preview(text, tags)
        assert [item.state for item in others] in ([], [RowState.SAME])
        assert [(item.path, "old" in item.message) for item in row.problems] == [("address", True)]


def test_an_overlap_from_before_is_nobodys_fault():
    tags = known(tag("one", "HR:0"), tag("two", "HR:1"))
    found = preview("name,address\none,HR:0\ntwo,HR:1\n", tags)
    assert [row.state for row in found] == [RowState.SAME] * 2


def test_arrays_meet_their_elements_again():
    text = "name,address,unit\nT,HR:0[3],K\n"
    found = preview(text)
    assert [(row.name, row.config.address, row.line) for row in found] == [
        ("T[0]", "HR:0", 2),
        ("T[1]", "HR:2", 2),
        ("T[2]", "HR:4", 2),
    ]
    again = preview(text, known(*(row.config for row in found)))
    assert [row.state for row in again] == [RowState.SAME] * 3


# --- applying -------------------------------------------------------------------------------------
TEXT = "name,address,unit\na,HR:0,mbar\nb,HR:2,\nn,HR:6,\n"
TAGS = known(tag("a", "HR:0", unit="bar"), tag("b", "HR:2"), tag("c", "HR:4"))


def test_the_plan_is_what_differs():
    rows = preview(TEXT, TAGS, ImportOptions(remove=True))
    work = plan(rows, TAGS, ImportOptions(remove=True))
    assert [item[0] for item in work.new] == ["n"]
    assert [(item[0], item[2]["unit"]) for item in work.changed] == [(1, "mbar")]
    assert (work.removed, work.renamed, work.places) == ([3], [], [0, 2])


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(known(tag("a", "HR:0", unit="Pa"), *(t.config for t in TAGS[1:])), id="field"),
        pytest.param(
            known(tag("a", "HR:0", unit="bar", scale=2), *(t.config for t in TAGS[1:])), id="other"
        ),
        pytest.param(TAGS[1:], id="deleted"),
        pytest.param([TAGS[0], Known(2, None, tag("b", "HR:20")), TAGS[2]], id="same row"),
        pytest.param([*TAGS[:2], Known(3, None, tag("c", "HR:40"))], id="removed row"),
        pytest.param([*TAGS, Known(4, None, tag("later", "HR:50"))], id="added"),
    ],
)
def test_a_change_since_the_preview_is_a_conflict(now):
    options = ImportOptions(remove=True)
    rows = preview(TEXT, TAGS, options)
    plan(rows, TAGS, options)
    with pytest.raises(ConflictError) as error:
        plan(rows, now, options)
    assert error.value.hint == "Preview the file again."


def test_without_remove_a_new_tag_is_no_conflict():
    rows = preview(TEXT, TAGS)
    plan(rows, [*TAGS, Known(4, None, tag("later", "HR:50"))], NONE)


def test_a_row_that_is_no_row_of_a_preview():
    (row,) = preview("name,address\na,HR:0\n")
    with pytest.raises(ConflictError):
        plan([dataclasses.replace(row, state=RowState.CHANGED, tag_id=99)], TAGS, NONE)
