"""Functions in versions: checked, saved, uploaded, deleted."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.integration.api.plant_functions import (
    good,
    make_tank,
    mirror,
    paths,
    use_of_volume,
    volume,
)
from udf import builtins


async def test_built_ins_are_there(viewer):
    found = await good(await viewer.get("/api/v1/functions"))
    assert [item["name"] for item in found] == builtins.names()
    scale = await good(await viewer.get("/api/v1/functions/scale"))
    assert scale["origin"] == "built-in"
    (version,) = scale["versions"]
    assert version["package"] == ""
    assert version["spec"]["inputs"][0]["many"] is True
    assert version["spec"]["parameters"]["properties"]
    assert (await viewer.get("/api/v1/functions/none")).status_code == 404


async def test_a_source_is_saved_in_versions(hub, engineer, viewer):
    body = {"source": volume(), "notes": "First"}
    saved = await good(await engineer.post("/api/v1/functions", json=body), 201)
    assert (saved["name"], saved["origin"], saved["uses"]) == ("volume", "source", 0)
    (first,) = saved["versions"]
    assert (first["number"], first["author"], first["notes"]) == ("1.0.0", "some-engineer", "First")
    assert first["source"] == volume()
    assert first["size_bytes"] > len(volume())
    assert first["spec"]["outputs"] == [
        {"name": "volume", "kind": "float", "per": "", "unit": "m3", "passes": "",
         "description": ""}
    ]  # fmt: skip
    assert first["spec"]["parameters"]["properties"]["area"]["exclusiveMinimum"] == 0

    again = await good(await engineer.post("/api/v1/functions", json=body), 201)
    assert len(again["versions"]) == 1, "the same again is nothing new"
    other = await engineer.post("/api/v1/functions", json={"source": volume() + "\n# more\n"})
    assert other.status_code == 409
    assert "Raise the version" in other.json()["error"]["hint"]

    for number in ("1.2.0", "1.10.0"):
        await good(await engineer.post("/api/v1/functions", json={"source": volume(number)}), 201)
    function = await good(await viewer.get("/api/v1/functions/volume"))
    assert [item["number"] for item in function["versions"]] == ["1.10.0", "1.2.0", "1.0.0"]
    assert len({item["package"] for item in function["versions"]}) == 3
    older = await engineer.post("/api/v1/functions", json={"source": volume("1.3.0")})
    assert paths(older) == ["source.1"]
    (listed,) = [
        item
        for item in await good(await viewer.get("/api/v1/functions"))
        if item["name"] == "volume"
    ]
    assert {item["source"] for item in listed["versions"]} == {""}, "a list has no sources"
    actions = [row.action for row in await hub.store.audits()]
    assert actions.count("function.save") == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outputs": 'Output("content", unit="m3"),'}, "'volume' is gone"),
        ({"outputs": 'Output("volume", Kind.INT),'}, "'volume' was float"),
        ({"inputs": 'Input("level"), Input("rate"),'}, "'rate' is new and required"),
        ({"inputs": 'Input("height"),'}, "'level' is gone"),
    ],
)
async def test_what_does_not_fit_is_a_new_major_version(engineer, change, said):
    await good(await engineer.post("/api/v1/functions", json={"source": volume()}), 201)
    text = "from udf import Kind\n"
    minor = await engineer.post(
        "/api/v1/functions", json={"source": text + volume("1.1.0", **change)}
    )
    assert set(paths(minor)) == {"source.1"}
    problems = minor.json()["problems"]
    assert any(said in item["message"] for item in problems)
    assert all("2.0.0" in item["hint"] for item in problems)
    major = text + volume("2.0.0", **change)
    await good(await engineer.post("/api/v1/functions", json={"source": major}), 201)


async def test_an_optional_input_and_another_output_fit(engineer):
    await good(await engineer.post("/api/v1/functions", json={"source": volume()}), 201)
    more = volume(
        "1.1.0",
        'Input("level"), Input("rate", required=False),',
        'Output("volume"), Output("low"),',
    )
    await good(await engineer.post("/api/v1/functions", json={"source": more}), 201)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("def f(:\n", 1, "invalid syntax"),
        ("a = 1\n\nb = (\n", 3, "was never closed"),
        ("x = 1\nraise ValueError('no ' + str(x))\n", 2, "no 1"),
        ("import nowhere_at_all\n", 1, "nowhere_at_all"),
        (volume().replace('"volume", "1', '"Volume", "1'), 1, "'Volume'"),
        (volume(inputs=""), 1, "no input"),
        (volume(outputs='Output("volume", per="level"),'), 1, "many tags"),
    ],
)
async def test_problems_have_their_line(engineer, source, line, said):
    found = await good(await engineer.post("/api/v1/functions/check", json={"source": source}))
    assert found["spec"] is None
    problem = found["problems"][0]
    assert (problem["line"], problem["level"]) == (line, "error")
    assert said in problem["message"]
    refused = await engineer.post("/api/v1/functions", json={"source": source})
    assert paths(refused)[0] == f"source.{line}"


async def test_a_good_source_is_checked_and_not_saved(engineer, hub, tmp_path):
    found = await good(await engineer.post("/api/v1/functions/check", json={"source": volume()}))
    assert found["problems"] == []
    assert found["spec"]["title"] == "Volume"
    assert (await engineer.get("/api/v1/functions/volume")).status_code == 404
    assert list((tmp_path / "functions").iterdir()) == [], "nothing stays on disk"


async def test_a_name_of_a_built_in_is_taken(engineer):
    source = mirror().replace('"mirror"', '"scale"')
    answer = await engineer.post("/api/v1/functions", json={"source": source})
    assert paths(answer) == ["source.1"]
    assert "built-in" in answer.json()["error"]["message"]
    assert (await engineer.delete("/api/v1/functions/scale")).status_code == 409


@pytest.mark.parametrize("name", ["new", "uses"])
async def test_a_name_that_a_page_has_is_taken(engineer, name):
    source = mirror().replace('"mirror"', f'"{name}"')
    answer = await engineer.post("/api/v1/functions", json={"source": source})
    assert paths(answer) == ["source.1"]
    assert "cannot be the name" in answer.json()["error"]["message"]


async def test_viewers_and_operators_change_nothing(viewer, operator, spoke_id):
    for client in (viewer, operator):
        for method, path, body in [
            ("POST", "/functions", {"source": volume()}),
            ("POST", "/functions/check", {"source": volume()}),
            ("POST", "/functions/upload?name=a.whl", None),
            ("DELETE", "/functions/volume", None),
            ("POST", f"/spokes/{spoke_id}/uses", {"name": "A", "function": "scale"}),
            ("PUT", "/uses/1", {"name": "A", "function": "scale", "device_version": 1}),
            ("POST", "/uses/1/roll-back", None),
            ("POST", "/uses/1/start-again", None),
            ("POST", "/uses/1/shadow", {"version": None}),
        ]:
            answer = await client.request(method, f"/api/v1{path}", json=body)
            assert answer.status_code == 403, path


def wheel(version: str = "1.0.0", inside: str = "1.0.0") -> bytes:
    """A wheel with one function, as `python -m build` would make it."""
    buffer = io.BytesIO()
    info = f"plant_mirror-{version}.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("plant_mirror.py", mirror(inside))
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: plant-mirror\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/entry_points.txt", "[spindle.functions]\nmirror = plant_mirror:Mirror\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


async def test_a_wheel_is_uploaded(engineer):
    name = "plant_mirror-1.0.0-py3-none-any.whl"
    path = "/api/v1/functions/upload"
    sent = {"params": {"name": name, "notes": "built"}, "content": wheel()}
    saved = await good(await engineer.post(path, **sent), 201)
    assert (saved["name"], saved["origin"]) == ("mirror", "wheel")
    assert saved["versions"][0]["source"] == ""
    assert saved["versions"][0]["notes"] == "built"
    form = {"file": ("plant_mirror-1.1.0-py3-none-any.whl", wheel("1.1.0", "1.1.0"))}
    both = await good(await engineer.post(path, files=form), 201)
    assert [item["number"] for item in both["versions"]] == ["1.1.0", "1.0.0"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.whl", b"not a zip", "cannot be read"),
        ("a.zip", b"not a zip", "not a whole zip"),
        ("plant_mirror-1.0.0-py3-none-any.whl", wheel("1.0.0", "2.0.0"), "2.0.0"),
    ],
)
async def test_what_is_no_package_is_refused(engineer, name, content, said):
    answer = await engineer.post("/api/v1/functions/upload", params={"name": name}, content=content)
    assert paths(answer) == ["file"]
    assert said in answer.json()["error"]["message"]


async def test_a_function_in_use_stays(engineer, spoke_id):
    await good(await engineer.post("/api/v1/functions", json={"source": volume()}), 201)
    tags = await make_tank(engineer, spoke_id)
    use = await good(
        await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=use_of_volume(tags)), 201
    )
    refused = await engineer.delete("/api/v1/functions/volume")
    assert refused.status_code == 409
    assert "line-1/Tank volume" in refused.json()["error"]["message"]
    function = await good(await engineer.get("/api/v1/functions/volume"))
    assert (function["uses"], function["versions"][0]["uses"]) == (1, 1)
    await good(await engineer.delete(f"/api/v1/devices/{use['device']['id']}"), 204)
    await good(await engineer.delete("/api/v1/functions/volume"), 204)
    assert (await engineer.get("/api/v1/functions/volume")).status_code == 404
    assert (await engineer.delete("/api/v1/functions/volume")).status_code == 404
    fresh = await good(
        await engineer.post(
            "/api/v1/functions", json={"source": mirror().replace("mirror", "volume")}
        ),
        201,
    )
    assert len(fresh["versions"]) == 1, "a new life of the name knows nothing of the old one"
