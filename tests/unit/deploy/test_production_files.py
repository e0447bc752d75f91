"""The production files, read as data: what they promise, and that the product knows every name in them."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.core.jobs.registry import QUEUES
from tests.setting_names import setting_fields

ROOT = Path(__file__).parents[3]
COMPOSE_TEXT = (ROOT / "docker-compose.production.yml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate"}
OURS = sorted(set(SERVICES) - {"postgres", "redis"})
STATEMENT = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z0-9_]+)(?P<rule>:[-?])?(?P<text>[^}]*)\}")

# The keys of the compose specification that this file uses; a misspelt one would be refused by Compose.
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging"),
    *("networks", "ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs"),
    *("user", "volumes"),
}
# What the images of Postgres and Valkey, and Flower, read.
FOREIGN_NAMES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"},
    "redis": {"REDIS_PASSWORD"},
    "flower": {
        "FLOWER_ADDRESS",
        "FLOWER_PORT",
        "FLOWER_BASIC_AUTH",
        "FLOWER_READ_ONLY",
        "FLOWER_PERSISTENT",
        "FLOWER_TASKS_COLUMNS",
    },
}


def dockerfile_statements() -> Iterator[tuple[str, str]]:
    lines = [
        line for line in (ROOT / "deploy/Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    for statement in re.split(r"(?<!\\)\n", "\n".join(lines)):
        if statement.strip():
            match = STATEMENT.match(statement.replace("\\\n", " "))
            assert match is not None, statement
            yield match.group(1), match.group(2).strip()


DOCKERFILE = list(dockerfile_statements())


def arguments_of(instruction: str) -> list[str]:
    return [arguments for name, arguments in DOCKERFILE if name == instruction]


@pytest.mark.parametrize("name", SERVICES)
def test_service_uses_known_keys_and_a_pinned_image(name: str) -> None:
    assert set(SERVICES[name]) <= SERVICE_KEYS
    image = VARIABLE.sub(lambda found: found["text"], SERVICES[name]["image"])
    repository, _, tag = image.partition(":")
    assert repository
    assert re.fullmatch(r"\d+(\.\d+)+", tag), f"{image} is not pinned to a version"


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_healed_and_watched_unless_it_runs_once(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check)
    assert "celery" not in " ".join(check["test"])


@pytest.mark.parametrize("name", SERVICES)
def test_service_runs_with_the_least_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.partition(":")[0] == "/tmp" for mount in service["tmpfs"])
    assert "privileged" not in service
    if name not in OURS:
        assert service["user"] in {"postgres", "valkey"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
    assert not (SERVICES[name].get("ports") and name in {"postgres", "redis"})


def test_no_secret_has_a_default_and_each_is_required() -> None:
    secrets = [found for found in VARIABLE.finditer(COMPOSE_TEXT) if found["name"].endswith("_PASSWORD")]
    assert {found["name"] for found in secrets} == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD"}
    assert {found["rule"] for found in secrets} == {":?"}


def test_every_other_variable_has_a_default() -> None:
    others = [found for found in VARIABLE.finditer(COMPOSE_TEXT) if not found["name"].endswith("_PASSWORD")]
    assert {found["rule"] for found in others} == {":-"}


def test_each_queue_has_one_worker_service_of_its_own() -> None:
    served = [
        command[command.index("--queues") + 1]
        for command in (service.get("command", []) for service in SERVICES.values())
        if "workers" in command
    ]
    assert sorted(served) == sorted(QUEUES)


@pytest.mark.parametrize("name", SERVICES)
def test_environment_names_are_read_by_somebody(name: str) -> None:
    known = FOREIGN_NAMES.get(name, set()) | (set(setting_fields()) if name in OURS else set())
    assert set(SERVICES[name].get("environment", {})) <= known


def test_flower_is_given_nothing_that_it_would_take_for_an_option() -> None:
    given = {name for name in SERVICES["flower"]["environment"] if name.startswith("FLOWER_")}
    assert given == FOREIGN_NAMES["flower"]
    assert "DATABASE_URL" not in SERVICES["flower"]["environment"]


def test_whoever_touches_artifacts_shares_their_volume() -> None:
    mount = "artifacts:/var/lib/aitrader/artifacts"
    with_artifacts = {name for name, service in SERVICES.items() if mount in service.get("volumes", [])}
    assert with_artifacts == {"backend", "relay", *(name for name in SERVICES if name.startswith("worker-"))}


def test_redis_keeps_its_data_and_refuses_rather_than_evicts() -> None:
    script = SERVICES["redis"]["command"][-1]
    assert "--appendonly yes" in script
    assert "--maxmemory-policy noeviction" in script
    assert "requirepass" in script
    assert "$$REDIS_PASSWORD" in script


@pytest.mark.parametrize("name", [name for name in OURS if name not in ONE_SHOT | {"flower"}])
def test_our_services_start_after_the_schema_is_there(name: str) -> None:
    conditions = {other: wait["condition"] for other, wait in SERVICES[name]["depends_on"].items()}
    assert conditions == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
    }


def test_named_networks_volumes_and_checks_exist() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}


def test_env_example_has_what_compose_reads_and_nothing_else() -> None:
    read = {found["name"]: (found["rule"], found["text"]) for found in VARIABLE.finditer(COMPOSE_TEXT)}
    lines = (ROOT / ".env.example").read_text().splitlines()
    told = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?[A-Z0-9_]+=", line))
    assert set(told) == set(read)
    for name, (rule, text) in read.items():
        assert told[name] == ("" if rule == ":?" else text)
        assert (f"\n{name}=" in "\n" + "\n".join(lines)) == (rule == ":?"), "only what is required is uncommented"


def test_image_is_tagged_with_the_version_of_the_product() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = {SERVICES[name]["image"] for name in OURS}
    assert ours == {f"aitrader:${{AITRADER_VERSION:-{version}}}"}


def test_image_is_built_from_pinned_bases_and_hashed_wheels() -> None:
    bases = [arguments.split()[0] for arguments in arguments_of("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases[0])
    assert any("--require-hashes -r requirements.lock" in run for run in arguments_of("RUN"))


def test_image_and_makefile_use_the_same_uv() -> None:
    pinned = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"uv=={pinned.group(1)} " in (ROOT / "deploy/Dockerfile").read_text()


def test_image_runs_as_nobody_special_and_warms_kernels_as_that_user() -> None:
    names = [name for name, _ in DOCKERFILE]
    assert arguments_of("USER") == ["10001:10001"]
    assert any("warm()" in arguments for name, arguments in DOCKERFILE[names.index("USER") :] if name == "RUN")
    assert arguments_of("HEALTHCHECK") == ["NONE"]
    assert arguments_of("CMD") == ['["python", "-m", "backend"]']


def test_image_fetches_nothing_by_url_and_holds_no_secret() -> None:
    assert not arguments_of("ADD")
    assert arguments_of("ARG") == ["WITH_TRAINING=0"]
    settings = " ".join(arguments_of("ENV"))
    assert not re.search(r"PASSWORD|TOKEN|SECRET|DATABASE_URL|REDIS_URL", settings)
    assert not any(re.search(r"\b(curl|wget)\b", run) for run in arguments_of("RUN"))


def test_build_context_lets_in_only_what_the_image_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    assert all((ROOT / path).exists() for path in let_in)
    assert not {"tests", "benchmarks", ".env", ".git", ".venv"} & set(let_in)


def test_build_context_has_every_package_of_the_wheel() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    assert all(f"!{package}" in let_in for package in build["targets"]["wheel"]["packages"])
