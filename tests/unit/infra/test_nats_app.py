"""`spindle-nats`: secrets are made once, what follows from them each time."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest

from hub.fleet.identity import Identity
from infra.nats import app
from infra.nats.app import HubFiles, SpokeFiles, write_hub_files, write_spoke_files
from schemas.errors import ConfigError, StartError

HUB = "nats-leaf://hub:7422"


@pytest.fixture
def hub(tmp_path: Path) -> HubFiles:
    files = ("identity.json", "password", "secrets", "hub.conf")
    (tmp_path / "secrets").mkdir()
    return HubFiles(*(tmp_path / name for name in files))


@pytest.fixture
def spoke(tmp_path: Path) -> SpokeFiles:
    return SpokeFiles(tmp_path / "nats-password", tmp_path / "nats.conf")


def test_a_hub_gets_all_its_files_and_only_their_owner_reads_them(
    hub: HubFiles, tmp_path: Path
) -> None:
    write_hub_files(hub, "db:5432/spindle")
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {
        "identity.json",
        "password",
        "hub.conf",
        "secrets/dsn",
        "secrets/serve.creds",
        "secrets/ingest.creds",
    }
    for name in made:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


def test_a_second_start_makes_no_new_secrets_but_takes_new_options(hub: HubFiles) -> None:
    write_hub_files(hub, "db:5432/spindle")
    before = hub.identity.read_text(), hub.database_password.read_text()
    write_hub_files(hub, "other:5433/spindle")
    assert (hub.identity.read_text(), hub.database_password.read_text()) == before
    password = before[1]
    assert (
        hub.secrets / "dsn"
    ).read_text() == f"postgresql://spindle:{password}@other:5433/spindle\n"


def test_a_password_of_a_person_is_escaped_in_the_url(hub: HubFiles) -> None:
    hub.database_password.write_text("p@ss/word\n")
    write_hub_files(hub, "db:5432/spindle")
    assert "spindle:p%40ss%2Fword@db:5432" in (hub.secrets / "dsn").read_text()


def test_an_empty_password_is_refused(hub: HubFiles) -> None:
    hub.database_password.write_text("\n")
    with pytest.raises(StartError, match="is empty"):
        write_hub_files(hub, "db:5432/spindle")


def test_a_gateway_starts_without_credentials_and_connects_with_them(
    hub: HubFiles, spoke: SpokeFiles
) -> None:
    assert write_spoke_files(spoke, "line-1", HUB) is False
    assert HUB not in spoke.config.read_text()
    write_hub_files(hub, "db:5432/spindle")
    given = Identity.load_or_make(hub.identity).spoke_credentials("line-1")
    password = spoke.password.read_text()

    assert write_spoke_files(spoke, "line-1", HUB, given) is True

    assert spoke.credentials.read_text() == given
    config = spoke.config.read_text()
    assert HUB in config
    assert str(spoke.credentials) in config
    assert spoke.password.read_text() == password
    assert write_spoke_files(spoke, "line-1", HUB) is True, "kept at the next start"
    assert spoke.config.read_text() == config


def test_wrong_credentials_change_nothing(hub: HubFiles, spoke: SpokeFiles) -> None:
    write_hub_files(hub, "db:5432/spindle")
    other = Identity.load_or_make(hub.identity).spoke_credentials("line-2")
    with pytest.raises(ConfigError, match=r"'line-2'.*'line-1'"):
        write_spoke_files(spoke, "line-1", HUB, other)
    with pytest.raises(ConfigError, match="not a credentials file"):
        write_spoke_files(spoke, "line-1", HUB, "hello")
    assert not spoke.credentials.exists()


@pytest.mark.parametrize("name", ["Line 1", "", "a.b", "x" * 33])
def test_a_bad_name_is_refused(spoke: SpokeFiles, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        write_spoke_files(spoke, name, HUB)


def test_the_command_line_says_one_sentence(
    spoke: SpokeFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["spindle-nats", "init-spoke", "--spoke=line-1", f"--hub-url={HUB}"]
    words += [f"--password={spoke.password}", f"--config={spoke.config}"]
    monkeypatch.setattr(sys, "argv", words)
    app.main()
    assert "does not have credentials" in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", [words[0], "credentials", *words[2:]])
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit, match="No credentials came in"):
        app.main()

    monkeypatch.setattr(sys, "argv", [*words[:4], "--password=/nowhere/p", words[5]])
    with pytest.raises(SystemExit, match="cannot write its files"):
        app.main()
