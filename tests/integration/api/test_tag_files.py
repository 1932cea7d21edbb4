"""Tag files through the API and the service, against real PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import time

import openpyxl
import pytest

from hub.bulk import ImportOptions, RowState
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError

MODBUS = {"driver": "modbus", "host": "10.0.0.5"}
NONE = ImportOptions()


async def make(client, spoke_id, tags=(), name="Filler"):
    body = {"name": name, "connection": MODBUS, "tags": list(tags)}
    answer = await client.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert answer.status_code == 201, answer.text
    return f"/api/v1/devices/{answer.json()['id']}"


def tag(name, address, **more):
    return {"name": name, "address": address, "data_type": "float32", **more}


async def send(client, path, content, status=200, **options):
    answer = await client.post(path, content=content, params={"name": "tags.csv", **options})
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
async def test_export_edit_import(hub, engineer, viewer, spoke_id, file_format):
    tags = [tag("speed", "HR:0", unit="1/min", description="=1+1"), tag("level", "HR:2")]
    device = await make(engineer, spoke_id, tags)
    exported = await viewer.get(f"{device}/tags.{file_format}")
    assert exported.status_code == 200
    assert f"tags-1.{file_format}" in exported.headers["content-disposition"]

    same = await send(engineer, f"{device}/tags/preview", exported.content)
    assert (same["same"], same["new"], same["changed"], same["bad"]) == (2, 0, 0, 0)
    assert same["rows"] == []
    done = await send(engineer, f"{device}/tags/import", exported.content)
    assert (done["created"], done["changed"], done["revision"]) == (0, 0, 2)  # no new revision

    edited = edit(exported.content, file_format)
    files = {"file": (f"my tags.{file_format}", edited)}
    answer = await engineer.post(f"{device}/tags/preview", files=files, params={"same": True})
    preview = answer.json()
    found = [(row["line"], row["state"], row["name"], row["changes"]) for row in preview["rows"]]
    assert found == [
        (2, "changed", "rpm", ["name: speed -> rpm"]),
        (3, "same", "level", []),
        (4, "new", "new one", []),
    ]
    done = await send(engineer, f"{device}/tags/import", edited)
    assert (done["created"], done["changed"], done["removed"], done["revision"]) == (1, 1, 0, 3)
    listed = (await viewer.get("/api/v1/tags", params={"device_id": 1})).json()
    assert [(item["id"], item["name"], item["description"]) for item in listed] == [
        (1, "rpm", "=1+1"),
        (2, "level", ""),
        (3, "new one", ""),
    ]
    revision = await hub.store.revision(spoke_id, 3)
    assert [item["name"] for item in revision.manifest["devices"][0]["tags"]] == [
        "rpm",
        "level",
        "new one",
    ]
    assert revision.summary == "Device Filler: tags imported, 1 new, 1 changed, 0 removed"
    (audit, *_) = [row for row in await hub.store.audits(20) if row.action == "tag.import"]
    assert {name: audit.detail[name] for name in ("created", "changed", "removed", "skipped")} == {
        "created": 1,
        "changed": 1,
        "removed": 0,
        "skipped": 0,
    }


def edit(content, file_format):
    """What a person does in a spreadsheet: rename the first tag, add one."""
    if file_format == "csv":
        lines = content.decode("utf-8-sig").splitlines()
        assert lines[1].startswith("1,speed,")
        lines[1] = lines[1].replace("1,speed,", "1,rpm,")
        return "\r\n".join([*lines, ",new one,HR:4,float32", "", ""]).encode("utf-8-sig")
    book = openpyxl.load_workbook(io.BytesIO(content))
    book.active["B2"] = "rpm"
    book.active.append([None, "new one", "HR:4", "float32"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


async def test_bad_rows_are_refused_as_a_whole_or_left_out(engineer, viewer, spoke_id):
    device = await make(engineer, spoke_id, [tag("a", "HR:0")])
    content = b"name,address,group\nb,HR:2,\nc,HR:3,\nd,HR:10,slow\n"
    refused = await send(engineer, f"{device}/tags/import", content, 422)
    assert [(item["path"], item["message"][:6]) for item in refused["problems"]] == [
        ("rows.1.address", "Line 3"),
        ("rows.2.group", "Line 4"),
    ]
    assert len((await viewer.get("/api/v1/tags")).json()) == 1
    preview = await send(engineer, f"{device}/tags/preview", content)
    assert (preview["new"], preview["bad"]) == (1, 2)
    assert preview["rows"][2]["problems"][0]["hint"] == "The device has 'normal'."
    done = await send(engineer, f"{device}/tags/import", content, skip_bad=True)
    assert (done["created"], done["skipped"]) == (1, 2)


async def test_remove(engineer, viewer, spoke_id):
    device = await make(engineer, spoke_id, [tag("a", "HR:0"), tag("b", "HR:2")])
    done = await send(engineer, f"{device}/tags/import", b"name,address\nc,HR:2\n", remove=True)
    assert (done["created"], done["removed"]) == (1, 2)
    assert [item["name"] for item in (await viewer.get("/api/v1/tags")).json()] == ["c"]


async def test_who_may(engineer, operator, viewer, spoke_id):
    device = await make(engineer, spoke_id)
    for path in ("preview", "import"):
        for client in (operator, viewer):
            await send(client, f"{device}/tags/{path}", b"name,address\na,HR:0\n", 403)
    assert (await viewer.get(f"{device}/tags.csv")).status_code == 200


async def test_what_is_no_tag_file(engineer, spoke_id):
    device = await make(engineer, spoke_id)
    wrong = await send(engineer, f"{device}/tags/preview", b"\x00\x01", 422)
    assert wrong["error"]["hint"]
    await send(engineer, f"{device}/tags/preview", b"a" * 20_000_001, 413)
    form = await engineer.post(f"{device}/tags/preview", files={"other": b"x"})
    assert form.status_code == 422
    missing = "/api/v1/devices/99/tags"
    await send(engineer, f"{missing}/preview", b"name,address\na,HR:0\n", 404)
    assert (await engineer.get(f"{missing}.csv")).status_code == 404
    assert (await engineer.get(f"{missing}.xlsx")).status_code == 404


async def test_arrays_in_create_tags(engineer, viewer, spoke_id):
    device = await make(engineer, spoke_id)
    body = {"tags": [tag("T", "HR:0[3]"), tag("U", "HR:7")]}
    answer = await engineer.post(f"{device}/tags", json=body)
    assert [item["name"] for item in answer.json()] == ["T[0]", "T[1]", "T[2]", "U"]
    body = {"tags": [tag("V", "HR:20[3]"), tag("V[0]", "HR:90")]}
    answer = await engineer.post(f"{device}/tags", json=body)
    assert [item["path"] for item in answer.json()["problems"]] == ["tags.1.name"]


# --- the service ----------------------------------------------------------------------------------
async def plant(hub, spoke_id, *tags):
    admin = (await hub.access.users())[0]
    device = DeviceConfig(name="Filler", connection=MODBUS)
    made = await hub.fleet.create_device(admin, spoke_id, device, tags)
    return admin, made.id, hub.services.tag_files


async def test_names_that_change_places(hub, spoke_id):
    who, device_id, files = await plant(
        hub, spoke_id, TagConfig(name="a", address="HR:0"), TagConfig(name="b", address="HR:2")
    )
    content = b"id,name,address\n1,b,HR:0\n2,a,HR:2\n,c,HR:4\n"
    preview = await files.preview_import(device_id, "x.csv", content, NONE)
    await files.apply_import(who, device_id, preview.rows, NONE)
    assert [(tag.id, tag.config.name) for tag in await hub.fleet.tags(device_id)] == [
        (1, "b"),
        (2, "a"),
        (3, "c"),
    ]


async def test_a_change_since_the_preview_writes_nothing(hub, spoke_id):
    who, device_id, files = await plant(hub, spoke_id, TagConfig(name="a", address="HR:0"))
    content = b"name,address,unit\na,HR:0,bar\nb,HR:2,\n"
    preview = await files.preview_import(device_id, "x.csv", content, NONE)
    other = TagConfig(name="a", address="HR:0", scale=2)
    await hub.fleet.update_tag(who, 1, other)
    revision = (await hub.store.spoke(spoke_id)).revision
    with pytest.raises(ConflictError):
        await files.apply_import(who, device_id, preview.rows, NONE)
    assert [tag.config for tag in await hub.fleet.tags(device_id)] == [other]
    assert (await hub.store.spoke(spoke_id)).revision == revision


async def test_an_address_taken_since_the_preview_names_its_row(hub, spoke_id):
    who, device_id, files = await plant(hub, spoke_id)
    content = b"name,address\na,HR:0\nb,HR:10\n"
    preview = await files.preview_import(device_id, "x.csv", content, NONE)
    await hub.fleet.create_tags(who, device_id, [TagConfig(name="z", address="HR:9")])
    with pytest.raises(ConfigErrors) as error:
        await files.apply_import(who, device_id, preview.rows, NONE)
    assert [item.path for item in error.value.problems] == ["rows.1.address"]


async def test_type_change_after_the_first_sample(hub, spoke_id):
    who, device_id, files = await plant(hub, spoke_id, TagConfig(name="a", address="HR:0"))
    content = b"name,address,data_type\na,HR:0,int16\n"
    before = await files.preview_import(device_id, "x.csv", content, NONE)
    assert before.rows[0].state is RowState.CHANGED
    async with hub.store.database.using() as conn:
        await conn.execute("UPDATE tag SET wire = '<f4'")
    after = await files.preview_import(device_id, "x.csv", content, NONE)
    assert after.rows[0].problems[0].path == "data_type"
    with pytest.raises(ConflictError):  # the first sample came between preview and import
        await files.apply_import(who, device_id, before.rows, NONE)
    assert (await hub.fleet.tags(device_id))[0].config.data_type == "float32"


async def test_words_of_refusal(hub, spoke_id):
    _, device_id, files = await plant(hub, spoke_id)
    with pytest.raises(ConfigError, match="no format"):
        await files.export_tags(device_id, "pdf")
    with pytest.raises(NotFoundError):
        await files.export_tags(99, "csv")


async def longest_wait(gaps):
    """How long the event loop did not come round, in seconds: what other users of the hub feel."""
    while True:
        begin = time.perf_counter()
        await asyncio.sleep(0.005)
        gaps.append(time.perf_counter() - begin)


async def test_ten_thousand_tags(hub, spoke_id, record_property):
    """New, then changed, by CSV: well below 10 s of CPU, while others are answered, too."""
    who, device_id, files = await plant(hub, spoke_id)

    def content(unit):
        lines = [f"Area.Machine.Tag{i},HR:{i * 2},float32,{unit},0.1,text" for i in range(10_000)]
        return "\n".join(["name,address,data_type,unit,scale,description", *lines]).encode()

    for unit, state in (("bar", RowState.NEW), ("mbar", RowState.CHANGED)):
        steps: list[tuple[int, int]] = []
        gaps: list[float] = []
        wall, cpu = time.perf_counter(), time.process_time()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            ticker = tasks.create_task(longest_wait(gaps))
            preview = await files.preview_import(device_id, "x.csv", content(unit), NONE)
            assert preview.count(state) == 10_000
            done = await files.apply_import(who, device_id, preview.rows, NONE, note_in(steps))
            ticker.cancel()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"10,000 tags {state}: {wall:.2f} s, {cpu:.2f} CPU-s, longest wait {max(gaps):.2f} s")
        record_property(f"{state}_s", wall)
        assert (done.created, done.changed) == ((10_000, 0) if unit == "bar" else (0, 10_000))
        assert steps == [(n, 10_000) for n in range(2000, 10_001, 2000)]
        assert cpu < 6  # measured 1.6 and 2.9; the wall clock depends on who else runs here
        assert max(gaps) < wall / 4  # measured 0.04 to 0.10 of it; without threads 0.36
    revision = await hub.store.revision(spoke_id, done.revision)
    assert len(revision.manifest["devices"][0]["tags"]) == 10_000


def note_in(steps):
    return lambda done, total: steps.append((done, total))
