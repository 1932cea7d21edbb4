"""Bundles: the same bytes for the same content, and nothing strange gets in."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from schemas.errors import ConfigError
from tests.fixtures.packages import LIBRARY, level_trend_wheels, wheel
from udf.process.bundle import read_bundle, sha256, source_bundle, wheel_bundle

SOURCE = "from udf import Function\n"
HEAD = {"format": 1, "name": "f", "version": "1.0.0", "entry": "f:F", "origin": "source"}


def made(
    files: dict[str, str | bytes], head: object = HEAD, compress: int = zipfile.ZIP_STORED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        archive.writestr("spindle.json", head if isinstance(head, str) else json.dumps(head))
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_source_comes_back() -> None:
    bundle = read_bundle(source_bundle(SOURCE, "f", "1.0.0", "f", "f:F"))
    assert (bundle.name, bundle.version, bundle.entry) == ("f", "1.0.0", "f:F")
    assert (bundle.source, bundle.origin, bundle.module) == (SOURCE, "source", "f")


def test_the_same_source_has_the_same_hash_for_ever() -> None:
    """The hash is in manifests and in the hub's database."""
    golden = "c96ee891780330cafa672e2c005e8021a75dcffe1be1951199c535306168b9e3"
    assert sha256(source_bundle(SOURCE, "f", "1.0.0", "f", "f:F")) == golden
    assert sha256(source_bundle(SOURCE + "\n", "f", "1.0.0", "f", "f:F")) != golden


def test_wheels_in_any_order_have_the_same_hash() -> None:
    wheels = level_trend_wheels()
    assert wheel_bundle(wheels) == wheel_bundle(dict(reversed(wheels.items())))


def test_a_source_that_is_checked_has_no_name_yet() -> None:
    assert read_bundle(source_bundle(SOURCE, "", "", "draft", "draft")).name == ""


@pytest.mark.parametrize(
    ("name", "version", "module", "entry"),
    [
        ("Bad name", "1.0.0", "f", "f:F"),
        ("f", "1.0", "f", "f:F"),
        ("f", "1.0.0", "f", "g:F"),
        ("f", "1.0.0", "../f", "../f:F"),
        ("f", "", "f", "f:F"),
    ],
)
def test_a_source_without_a_proper_name_is_refused(
    name: str, version: str, module: str, entry: str
) -> None:
    with pytest.raises(ConfigError):
        source_bundle(SOURCE, name, version, module, entry)


def test_a_source_that_is_too_long_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than"):
        source_bundle("#" * 2_000_000, "f", "1.0.0", "f", "f:F")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK nonsense",
        made({}),
        made({"src/f.py": SOURCE}, head="not json"),
        made({"src/f.py": SOURCE}, head="[1]"),
        made({"src/f.py": SOURCE}, head={**HEAD, "format": 2}),
        made({"src/f.py": SOURCE}, head={**HEAD, "name": 5}),
        made({"src/f.py": SOURCE}, head={**HEAD, "origin": "wheel"}),
        made({"src/f.py": SOURCE}, head={**HEAD, "origin": "other"}),
        made({"src/f.py": SOURCE}, head={**HEAD, "entry": "os:system('x')"}),
        made({"src/g.py": SOURCE}),
        made({"src/f.py": SOURCE, "src/g.py": SOURCE}),
        made({"src/f.py": b"\xff\xfe"}),
        made({"src/../f.py": SOURCE}),
        made({"/src/f.py": SOURCE}),
        made({"src/f.py": SOURCE, "sitecustomize.py": ""}),
        made({"src/f.py": SOURCE, "wheels/a-1-py3-none-any.whl": b"x"}),
        made({"src/f.py": SOURCE}, compress=zipfile.ZIP_DEFLATED),
        made({"src/f.py": "#" * 100_000_000}, compress=zipfile.ZIP_DEFLATED),
    ],
)
def test_what_is_not_a_whole_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        read_bundle(data)
    assert caught.value.hint


def test_every_damaged_byte_is_refused_or_harmless() -> None:
    """A crooked bundle is a ConfigError, never another exception."""
    data = source_bundle(SOURCE, "f", "1.0.0", "f", "f:F")
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        try:
            read_bundle(damaged)
        except ConfigError:
            continue


def test_wheels_that_are_not_the_pinned_ones_are_refused() -> None:
    data = wheel_bundle(level_trend_wheels())
    bundle = read_bundle(data)
    assert len(bundle.requirements.splitlines()) == 2
    assert all(" --hash=sha256:" in line for line in bundle.requirements.splitlines())
    head = {**HEAD, "name": bundle.name, "version": bundle.version, "entry": bundle.entry}
    head["origin"] = "wheel"
    wheels = {f"wheels/{name}": content for name, content in bundle.wheels.items()}
    whole = made({"requirements.txt": bundle.requirements, **wheels}, head)
    assert read_bundle(whole) == bundle
    one = next(iter(wheels))
    for requirements, changed in (
        (bundle.requirements, {**wheels, one: b"other"}),
        (bundle.requirements.replace("--hash", "#"), wheels),
        ("--extra-index-url http://evil\n" + bundle.requirements, wheels),
        ("", wheels),
    ):
        with pytest.raises(ConfigError):
            read_bundle(made({"requirements.txt": requirements, **changed}, head))


# --- which wheels -------------------------------------------------------------------------------
def test_what_is_missing_is_named_with_what_to_do() -> None:
    wheels = level_trend_wheels()
    del wheels["small_library-1.0.3-py3-none-any.whl"]
    with pytest.raises(
        ConfigError, match=r"needs small-library<2,>=1, which is not there"
    ) as caught:
        wheel_bundle(wheels)
    assert "spindle-udf package" in caught.value.hint


def test_another_version_of_a_library_is_refused() -> None:
    wheels = level_trend_wheels()
    del wheels["small_library-1.0.3-py3-none-any.whl"]
    name, data = wheel("small_library", "2.1.0", LIBRARY)
    with pytest.raises(ConfigError, match=r"there as 2\.1\.0 only"):
        wheel_bundle({**wheels, name: data})


def test_what_a_library_needs_is_needed_too() -> None:
    wheels = level_trend_wheels()
    name, data = wheel("small_library", "1.0.3", LIBRARY, requires=("deeper>=3",))
    with pytest.raises(ConfigError, match="needs deeper"):
        wheel_bundle({**wheels, name: data})


def test_the_runtimes_numpy_must_do() -> None:
    name, data = wheel("f", "1.0.0", {"f.py": ""}, entry="f=f:F", requires=("numpy<2",))
    with pytest.raises(ConfigError, match="the gateway's runtime has"):
        wheel_bundle({name: data})


def test_the_runtimes_libraries_and_what_nobody_needs_stay_out() -> None:
    wheels = level_trend_wheels()
    extra = dict([wheel("numpy", "9.0.0", {"numpy.py": ""}), wheel("unused", "1.0", {"u.py": ""})])
    assert wheel_bundle({**wheels, **extra}) == wheel_bundle(wheels)


@pytest.mark.parametrize("count", [0, 2])
def test_one_function_belongs_in_a_bundle(count: int) -> None:
    made = [
        wheel(f"f{number}", "1.0.0", {f"f{number}.py": ""}, entry=f"f{number}=f{number}:F")
        for number in range(count)
    ]
    with pytest.raises(ConfigError, match="One function belongs") as caught:
        wheel_bundle(dict([*made, wheel("other", "1.0.0", {"other.py": ""})]))
    assert "spindle.functions" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a-1.0.0-py3-none-any.whl", b"no zip"),
        ("a-1.0.0-py3-none-any.whl", made({"a.py": ""})),
        wheel("a", "1.0.0", {"../a.py": ""}, entry="a=a:A"),
        wheel("a", "1.0.0", {"/etc/a.py": ""}, entry="a=a:A"),
        wheel("a", "1.0", {"a.py": ""}, entry="a=a:A"),
        wheel("a", "1.0.0", {"a.py": ""}, entry="a=a:A", requires=("not a requirement!",)),
        wheel("a", "1.0.0", {"a.py": ""}, entry="A b=a:A"),
        ("a 1.whl", wheel("a", "1.0.0", {"a.py": ""}, entry="a=a:A")[1]),
    ],
)
def test_a_wheel_that_is_none_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        wheel_bundle({name: data})
    assert caught.value.hint
