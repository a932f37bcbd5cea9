"""What the documents say exists: their links, their commands, their configuration, their unit."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from api.cli import commands as cli
from api.settings import ConfigError, load_settings
from scripts.draw_layouts import FOLDER, LAYOUTS, drawn
from tests.support.programs import need

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = ("*.md", "*/README.md", "docs/[!R]*.md", "api/*/README.md", "api/*/*/README.md")
PAGES = sorted(page for pattern in PATTERNS for page in ROOT.glob(pattern))
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
SHOWN = {
    "serve", "check-config", "secrets", "logs", "spreed-user", "hash-password", "owt-sign",
    "barertc-import", "status", "rooms", "who", "streams", "close", "open", "kick", "tree",
    "recordings", "example-config", "systemd-unit",
}  # fmt: skip
COMMAND = re.compile(rf"\bquintet ((?:{'|'.join(sorted(SHOWN))})\b[^\n|>)]*)")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [text for kind, text in FENCE.findall(page.read_text("utf-8")) if kind == language]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_keys(config: Path) -> list[str]:
    """Return what the server would refuse, except files that only the reader has."""
    try:
        load_settings(config)
    except ConfigError as error:
        return [str(problem) for problem in error.problems if "not there" not in str(problem)]
    return []


def make_targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name(page)} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_commands_exist(page: Path) -> None:
    named = re.findall(r"(?:^\$ |`)make ([a-z][\w-]*)", page.read_text("utf-8"), re.MULTILINE)
    assert set(named) <= make_targets()


def test_quintet_commands_are_accepted_and_each_is_shown() -> None:
    shell = [text for page in PAGES for kind in ("console", "sh") for text in blocks(page, kind)]
    shown = set()
    for command in COMMAND.findall("\n".join(shell)):
        arguments = shlex.split(command, comments=True)
        assert cli._parser().parse_args(arguments).command
        shown.add(arguments[0])
    assert shown == SHOWN


def test_unit_starts_and_checks_with_accepted_commands() -> None:
    unit = (ROOT / "docs" / "quintet.service").read_text("utf-8")
    commands = re.findall(r"^Exec\w+=\S+/quintet (.*)$", unit, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["serve", "check-config"]
    for command in commands:
        assert cli._parser().parse_args(command.split()).command


def test_systemd_takes_every_line_of_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "docs" / "quintet.service").read_text("utf-8")
    file = tmp_path / "quintet.service"
    file.write_text(unit.replace("/opt/quintet/bin/quintet", "/bin/true"), "utf-8")
    done = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", file],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_build_machine_runs_only_what_the_readme_names() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    commands = re.findall(r"^(?!#|set |cd |export |$)(.+)$", script, re.MULTILINE)
    assert commands == ["make check", "make test"]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert all(command in readme for command in commands)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_configuration_snippets_are_valid(page: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    for block in blocks(page, "toml"):
        if "[echo]" in block:  # the dialect that tests/api/test_add_a_dialect.py adds
            continue
        config.write_text(block, encoding="utf-8")
        assert wrong_keys(config) == []


def test_container_serves_with_a_valid_configuration() -> None:
    assert wrong_keys(ROOT / "docs" / "container.toml") == []


def test_unit_allows_more_time_to_stop_than_the_server_takes() -> None:
    unit = (ROOT / "docs" / "quintet.service").read_text("utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > 20


def test_events_of_the_guide_exist() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text("utf-8")
    table = guide[guide.index("| event |") : guide.index("One line per request")]
    firsts = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = set(re.findall(r"`(\w+\.\w+)`", " ".join(firsts)))
    sources = [it for part in ("actors", "api", "media") for it in ROOT.glob(f"{part}/**/*.py")]
    code = "\n".join(source.read_text("utf-8") for source in sources)
    assert len(named) > 10
    assert {event for event in named if f'"{event}"' not in code} == set()


def test_layouts_are_drawn_as_they_are() -> None:
    """`python scripts/draw_layouts.py` draws them anew."""
    for layout, template in LAYOUTS.items():
        assert (FOLDER / f"{layout}.svg").read_text("utf-8") == drawn(template)
