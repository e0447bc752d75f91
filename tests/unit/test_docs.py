"""What the documents say is what the code does: settings, moves, close codes, paths and links."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic.fields import FieldInfo

from aitrader.cli import app as command_line
from backend.core.jobs.backtest import BacktestPayload
from backend.core.jobs.lifecycle import MOVES, TERMINAL, JobState
from backend.core.jobs.registry import JOB_TYPES
from backend.main import create_app
from backend.websocket.protocol import CloseCode
from tests import strategy_page
from tests.setting_names import setting_fields

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")


def table_rows(page: str, first_heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table whose first column has that heading."""
    lines = (ROOT / page).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def codes(cell: str) -> frozenset[str]:
    return frozenset(CODE.findall(cell))


def told_default(field: FieldInfo) -> str | None:
    """Return a default as the page writes it; None where it depends on the machine."""
    default = field.default
    if field.default_factory is not None or default is None:
        return None
    if isinstance(default, tuple):
        return f"`{','.join(map(str, default))}`" if default else "empty"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_configuration_page_names_every_setting_once() -> None:
    named = [name for row in table_rows("docs/configuration.md", "name") for name in codes(row[0])]
    assert sorted(named) == sorted(setting_fields())


@pytest.mark.parametrize(("name", "field"), setting_fields().items())
def test_configuration_page_tells_the_default_and_a_meaning(name: str, field: FieldInfo) -> None:
    row = next(row for row in table_rows("docs/configuration.md", "name") if row[0] == f"`{name}`")
    _, default, meaning = row
    assert default == (told_default(field) or default)
    assert default
    assert meaning.endswith(".")


def test_state_page_has_the_moves_of_the_lifecycle() -> None:
    told = {
        (name, codes(sources), target)
        for move, sources, to, *_ in table_rows("docs/state_machine.md", "move")
        for name in codes(move)
        for target in codes(to)
    }
    assert told == {(move, frozenset(way.sources), way.target) for move, way in MOVES.items()}


def test_state_page_draws_the_moves_of_the_lifecycle() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", (ROOT / "docs/state_machine.md").read_text(), re.MULTILINE)
    drawn = {(source, target, move) for source, target, names in arrows for move in names.split(", ")}
    assert drawn == {(source, way.target, move) for move, way in MOVES.items() for source in way.sources}


def test_state_page_explains_every_state() -> None:
    rows = list(table_rows("docs/state_machine.md", "state"))
    assert {name for row in rows for name in codes(row[0])} == set(JobState)
    final = {name for row in rows if row[1].startswith("ended") for name in codes(row[0])}
    assert final == TERMINAL


def test_websocket_page_has_the_close_codes() -> None:
    told = {(int(code), name.strip("`")) for code, name, _ in table_rows("docs/websocket.md", "code")}
    assert told == {(int(code), code.name) for code in CloseCode}


def test_readme_has_the_job_types() -> None:
    assert {name for row in table_rows("README.md", "job type") for name in codes(row[0])} == set(JOB_TYPES)


def test_readme_names_routes_that_there_are() -> None:
    served = set(create_app().openapi()["paths"])
    named = [word for row in table_rows("README.md", "route") for code in codes(row[0]) for word in code.split()]
    paths = {word.partition("?")[0].replace("{id}", "{job_id}") for word in named if word.startswith("/")}
    assert paths - served == set()


def test_readme_names_commands_and_options_that_there_are() -> None:
    commands = re.findall(r"^\.venv/bin/aitrader (.+?)(?:  +#.*)?$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands
    for line in commands:
        command = typer.main.get_command(command_line)
        for word in line.split():
            command = getattr(command, "commands", {}).get(word, command)
        known = {option for parameter in command.params for option in parameter.opts}
        assert command.name != typer.main.get_command(command_line).name, line
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line


def test_architecture_page_draws_the_layers_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert "```\n" + "\n".join(layers) + "\n```" in (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "README.md"])
def test_code_map_names_what_exists(page: str) -> None:
    paths = [path for row in table_rows(page, "folder") for path in codes(row[0])]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(page.read_text()):
        target, _, anchor = found["target"].partition("#")
        if target.startswith(("http://", "https://")):
            continue
        linked = page if not target else (page.parent / target).resolve()
        assert linked.exists(), f"{page.name} links to {target}, which is not there"
        assert linked.is_relative_to(ROOT), f"{page.name} links out of the project: {target}"
        assert not anchor or anchor in anchors(linked.read_text()), f"{page.name}: no heading {anchor} in {linked.name}"


def test_decisions_are_numbered_without_gaps_and_say_why() -> None:
    pages = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert [heading for heading in ("Context", "Decision", "Consequences") if f"\n## {heading}\n" not in text] == []


def test_decisions_that_the_code_cites_exist() -> None:
    numbers = {page.name[:4] for page in (ROOT / "docs/adr").glob("*.md")}
    for folder in ("aitrader", "backend", "workers", "market_data", "strategy_engine", "pattern_engine"):
        for source in (ROOT / folder).rglob("*.py"):
            for cited in re.finditer(r"docs/adr/(\d{4}(?:, \d{4})*)", source.read_text()):
                assert set(cited.group(1).split(", ")) <= numbers, source


def test_strategies_page_is_what_the_strategies_say() -> None:
    assert strategy_page.PAGE.read_text(encoding="utf-8") == strategy_page.page(), (
        "write it anew: python -m tests.strategy_page"
    )


def test_the_example_of_the_backtests_page_is_a_payload_and_names_every_field() -> None:
    (example,) = re.findall(r"^```json\n(.+?)^```$", (ROOT / "docs/backtests.md").read_text(), re.DOTALL | re.MULTILINE)
    BacktestPayload.model_validate_json(example)
    unsaid = {"schema_version", "fill_profile"}  # the one is a constant, the other short for `fills`
    assert set(json.loads(example)) == set(BacktestPayload.model_fields) - unsaid
    fields = {name for row in table_rows("docs/backtests.md", "field") for name in codes(row[0])}
    assert fields <= set(BacktestPayload.model_fields)
