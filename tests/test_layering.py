"""Imports point down: api → actors → media; the core knows nobody, dialects not each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dialects import BUILT, built

HOUSE = Path(__file__).parent.parent
OURS = ("api", "actors", "media")
FILES = sorted(path for package in OURS for path in (HOUSE / package).rglob("*.py"))

ASYNCIO_SEAMS = {"media/webrtc/bridge.py", "media/webrtc/aiortc_seam.py"}
# Whatever waits, reaches outside or reads a clock: a pure rule is handed times and ids.
IMPURE = {
    "asyncio", "datetime", "io", "logging", "os", "pathlib", "random", "socket", "structlog",
    "subprocess", "tempfile", "threading", "time", "trio", "uuid",
}  # fmt: skip
PURE_CORE = ("actors.core.errors", "actors.core.message")  # of the core, what rules may use
RULES = (
    "actors/words",
    "actors/device/credentials.py",
    "actors/device/failures.py",
    "actors/device/medium.py",
    "actors/device/offers.py",
    "actors/directory/closings.py",
    "actors/directory/owners.py",
    "actors/endpoint/outbox.py",
    "actors/endpoint/rules.py",
    "actors/jobs/call_rules.py",
    "actors/member/absence.py",
    "actors/member/identity.py",
    "actors/member/media_shown.py",
    "actors/member/profile.py",
    "actors/room/echo.py",
    "actors/room/rules.py",
    "actors/signalling/absent.py",
    "actors/signalling/frames.py",
    "actors/site",
    "actors/streams/alternatives.py",
    "actors/streams/bitrates.py",
    "actors/streams/call_sources.py",
    "actors/streams/conference_calls.py",
    "actors/streams/conference_jobs.py",
    "actors/streams/conference_pulled.py",
    "actors/streams/conference_views.py",
    "actors/streams/layouts.py",
    "actors/streams/mixing.py",
    "actors/streams/outcome.py",
    "actors/streams/outputs.py",
    "actors/streams/publishing.py",
    "actors/streams/rules.py",
    "actors/streams/tables.py",
    "actors/streams/takers.py",
    "actors/streams/view_state.py",
    "actors/streams/watched.py",
    "api/sip/agent.py",
    "api/sip/auth.py",
    "api/sip/client_transactions.py",
    "api/sip/credentials_shown.py",
    "api/sip/description.py",
    "api/sip/destinations.py",
    "api/sip/dialogs.py",
    "api/sip/flows.py",
    "api/sip/framing.py",
    "api/sip/header_text.py",
    "api/sip/header_values.py",
    "api/sip/headers.py",
    "api/sip/incoming_requests.py",
    "api/sip/leg.py",
    "api/sip/messages.py",
    "api/sip/outgoing_requests.py",
    "api/sip/reasons.py",
    "api/sip/registration.py",
    "api/sip/server_transactions.py",
    "api/sip/session_timers.py",
    "api/sip/strangers.py",
    "api/sip/their_offers.py",
    "api/sip/timers.py",
    "api/sip/transaction_events.py",
    "api/sip/transaction_keys.py",
    "api/sip/transaction_states.py",
    "api/sip/transactions.py",
    "api/sip/user_agent_words.py",
    "media/analysis/events.py",
    "media/analysis/plugin.py",
    "media/channels",
    "media/job/paced_requests.py",
    "media/outside/gate_address.py",
    "media/outside/playlist_screen.py",
    "media/outside/rtsp_answers.py",
    "media/rtp/telephone_events.py",
    "media/udp/latch.py",
    "media/worker/capacity.py",
    "media/worker/costs.py",
    "media/worker/job_codecs.py",
)
WAITING_FOR_THE_NETWORK = {
    "media/job/sending/broadcast_thread.py",
    "media/job/pulling/packet_queue.py",
    "media/job/pulling/pulled_source.py",
    "media/job/pulling/source_reader.py",
}
# What each package may know of its neighbours; one way, from the words up.
BELOW = {
    "actors/words": set(),
    "actors/store": {"words"},
    "actors/endpoint": {"words"},
    "actors/site": {"words"},
    "actors/streams": {"words"},
    "actors/jobs": {"words", "streams"},
    "actors/room": {"words", "site", "streams", "jobs", "store"},
    "actors/directory": {"words", "site", "streams", "store", "endpoint", "room"},
    "actors/member": {"words", "room", "directory"},
    "actors/signalling": {"words", "directory"},
    "actors/device": {"words", "streams", "directory", "member", "signalling"},
    "media/contract": set(),
    "media/analysis": {"contract"},
    "media/outside": {"contract"},
    "media/job": {"contract", "rtp", "outside", "analysis"},
    "media/rtp": {"contract"},
    "media/udp": {"contract", "rtp"},
    "media/channels": {"contract"},
    "media/webrtc": {"contract", "rtp", "udp", "channels"},
    "media/worker": {"contract", "rtp", "job"},  # of job, what both sides say: see below
    "media/recording": {"contract", "rtp", "webrtc"},  # of webrtc, how far a bug reaches
}
# Who asks the registry besides the directory, and for what.
FINDERS = {
    "actors/device/socket.py": "the sockets of programs, which no id of a member finds",
    "actors/room/audience.py": "who can end a member that is too slow; it lies below",
    "actors/room/site_store.py": "the store",
    "api/auvious/broker.py": "the publisher to a broker",
    "api/http/mounts.py": "the store",
}
# What a kind of room is made of, by the argument of RoomSpec that asks for it.
LOADED_FOR = {"conference": "actors.room.conference_room", "site": "actors.room.site_room"}
PLAIN = {
    "__future__", "collections.abc", "dataclasses", "enum", "ipaddress", "msgspec", "pathlib",
    "typing",
}  # fmt: skip
ROUTING = tuple(
    f"media.rtp.{name}" for name in ("router", "rtp_source", "rtp_sink", "layers", "packet_tap")
)
RULES_OF_MEDIA = (  # pure, or on files that the media layer names
    "media.webrtc.candidates",
    "media.webrtc.descriptions",
    "media.webrtc.stun_screen",
    "media.recording.recordings_folder",
    "media.outside.errors",
    "media.outside.output_folders",
    "media.outside.places",
)


def place(path: Path) -> str:
    """Return a file's path within the project."""
    return path.relative_to(HOUSE).as_posix()


def imports_of(path: Path) -> Iterator[str]:
    """Return the full names of the modules a file imports, also those only for types."""
    package = place(path).removesuffix(".py").replace("/", ".").rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: -node.level + 1 or None]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield module
            # `from api import spreed` imports a module as well.
            yield from (
                f"{module}.{alias.name}" for alias in node.names if is_module(module, alias)
            )


def is_module(package: str, alias: ast.alias) -> bool:
    """Return whether a name imported from one of our packages is a module of it."""
    path = HOUSE.joinpath(*package.split("."), alias.name)
    return package.split(".")[0] in OURS and (path.is_dir() or path.with_suffix(".py").exists())


def within(module: str, *packages: str) -> bool:
    """Return whether a module lies in one of the packages."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def violations(folder: str, *forbidden: str, but: tuple[str, ...] = ()) -> list[str]:
    """Return "file imports module" for what a folder or file must not import."""
    return [
        f"{place(path)} imports {module}"
        for path in FILES
        if place(path) == folder or place(path).startswith(f"{folder}/")
        for module in imports_of(path)
        if within(module, *forbidden) and not within(module, *but)
    ]


def dialects() -> list[str]:
    """Return the folders of `api` that are dialects."""
    return sorted(path.parent.name for path in (HOUSE / "api").glob("*/dialect.py"))


def test_there_is_something_to_look_at() -> None:
    assert "spreed" in dialects()
    assert {place(path).split("/")[0] for path in FILES} == set(OURS)


def test_media_knows_neither_rooms_nor_http() -> None:
    assert violations("media", "actors", "api") == []


def test_actors_know_no_http() -> None:
    assert violations("actors", "api", "quart", "quart_trio", "hypercorn", "websockets") == []


def test_the_core_imports_nothing_of_ours() -> None:
    assert violations("actors/core", *OURS, but=("actors.core",)) == []


def core_files() -> dict[str, set[str]]:
    """Return which files of the core each of them imports, also those only for types."""
    files = {path.stem: path for path in (HOUSE / "actors/core").glob("[!_]*.py")}
    return {
        name: {module.rpartition(".")[2] for module in imports_of(path)} & set(files)
        for name, path in files.items()
    }


def reached(start: str, imports: dict[str, set[str]]) -> set[str]:
    """Return the files that a file imports, directly or through others."""
    seen: set[str] = set()
    left = [start]
    while left:
        new = imports[left.pop()] - seen
        seen |= new
        left += new
    return seen


def test_only_what_is_one_thing_goes_round_in_the_core() -> None:
    """An actor over its lives, one of them, what ends with it, and the actors below."""
    imports = core_files()
    assert imports["system"] >= {"cell", "supervisor"}
    in_a_circle = {name for name in imports if name in reached(name, imports)}
    assert in_a_circle == {"cell", "incarnation", "links", "children"}


def test_rules_wait_for_nothing_and_touch_nothing() -> None:
    assert [line for rules in RULES for line in violations(rules, *IMPURE)] == []
    allowed = (
        "actors.words",
        *PURE_CORE,
        "actors.room.echo",
        *(each.removesuffix(".py").replace("/", ".") for each in RULES),
    )
    assert [line for rules in RULES for line in violations(rules, "actors", but=allowed)] == []


@pytest.mark.parametrize(("package", "below"), BELOW.items(), ids=list(BELOW))
def test_packages_know_only_those_below_them(package: str, below: set[str]) -> None:
    top, _, name = package.partition("/")
    others = {path.name for path in (HOUSE / top).iterdir() if path.is_dir()} - {name, "core"}
    above = [f"{top}.{other}" for other in others - below if other != "__pycache__"]
    assert violations(package, *above) == []


def test_every_package_has_its_place_in_the_order() -> None:
    packages = {
        f"{top}/{path.name}"
        for top in ("actors", "media")
        for path in (HOUSE / top).iterdir()
        if (path / "__init__.py").exists()
    }
    assert packages - {"actors/core"} == set(BELOW)


def test_the_contract_of_media_is_plain_data() -> None:
    """Whoever knows it knows no engine, and an engine may live in another process."""
    files = [path for path in FILES if place(path).startswith("media/contract/")]
    known = {module for path in files for module in imports_of(path)}
    assert {module for module in known if not within(module, "media.contract")} <= PLAIN
    functions = {
        node.name
        for path in files
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    }
    assert functions == {
        "h264_profile",  # how a parameter of the wire is read
        # How the streams of a job are called:
        "names_sent", "own_mix", "sink_of", "sound_name", "source_of",
    }  # fmt: skip


def test_a_process_of_a_job_loads_the_pure_parts_of_the_data_plane_only() -> None:
    """What it sends and takes is packets; it has no router, and no loop but its own.

    A thread waits for the network, where FFmpeg knows no other way.
    """
    assert violations("media/job", "trio", "asyncio", "structlog", "media.worker") == []
    threads = {it.split(" ")[0] for it in violations("media/job", "threading")}
    assert threads <= WAITING_FOR_THE_NETWORK
    assert violations("media/job", *ROUTING) == []


def test_a_server_knows_of_its_processes_what_both_sides_say() -> None:
    both = ("media.job.control", "media.job.mark")
    assert violations("media/worker", "media.job", but=both) == []


def test_actors_know_the_contract_of_media_and_its_rules_for_text() -> None:
    assert violations("actors", "media", but=("media.contract", *RULES_OF_MEDIA)) == []


@pytest.mark.parametrize("folder", ["api", "media"])
def test_the_core_is_imported_by_its_front_door(folder: str) -> None:
    inner = [f"actors.core.{path.stem}" for path in (HOUSE / "actors/core").glob("[!_]*.py")]
    assert violations(folder, *inner) == []


@pytest.mark.parametrize("dialect", dialects())
def test_a_dialect_knows_no_other(dialect: str) -> None:
    others = [f"api.{other}" for other in dialects() if other != dialect]
    assert violations(f"api/{dialect}", *others) == []


def test_every_dialect_is_in_the_list() -> None:
    assert sorted(BUILT) == dialects()
    assert all(BUILT[name].startswith(f"api.{name}.dialect:") for name in dialects())
    assert [each.name for each in built()] == list(BUILT)


@pytest.mark.parametrize("dialect", sorted(set(dialects()) - {"operator"}))
def test_a_dialect_that_uses_media_or_the_store_says_so(dialect: str) -> None:
    text = "".join(path.read_text() for path in (HOUSE / "api" / dialect).rglob("*.py"))
    [it] = [each for each in built() if each.name == dialect]
    assert it.needs_media == (re.search(r"services\.media\b", text) is not None)
    assert it.needs_store == (re.search(r"services\.store\b", text) is not None)


def test_who_has_rooms_of_a_kind_has_loaded_it() -> None:
    """Others do without; and loading it with the first room would have everybody wait."""
    for path in FILES:
        kinds = {
            word.arg
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and "RoomSpec" in names_of(node.func)
            for word in node.keywords
        }
        needed = {module for kind, module in LOADED_FOR.items() if kind in kinds}
        assert needed <= set(imports_of(path)), place(path)


@pytest.mark.parametrize("dialect", dialects())
def test_a_dialect_has_the_files_that_contributors_are_told_of(dialect: str) -> None:
    page = (HOUSE / "CONTRIBUTING.md").read_text("utf-8")
    paragraph = page[page.index("Every dialect folder has") :].partition("\n\n")[0]
    always, elsewhere = paragraph.split("Other parts go by the same names")
    folder = HOUSE / "api" / dialect
    for name in re.findall(r"`([\w.]+\.(?:py|md))`", always):
        assert (folder / name).exists() or name == "state.py"  # of who keeps nothing
    for name in re.findall(r"`(\w+\.py)`", elsewhere):
        assert sum((HOUSE / "api" / each / name).exists() for each in dialects()) > 1


@pytest.mark.parametrize("folder", ["cli", "http", "logs", "process", "settings"])
def test_what_dialects_share_names_none(folder: str) -> None:
    published = [name for name in BUILT if name != "operator"]  # part of every server
    assert violations(f"api/{folder}", *(f"api.{name}" for name in published)) == []
    named = {
        f"{place(path)} names {name}"
        for path in (HOUSE / "api" / folder).rglob("*.py")
        for name in published
        if name in path.read_text().lower()
    }
    assert named == set()


def test_a_command_loads_no_dialect_beyond_what_it_says_of_itself() -> None:
    code = (
        "import sys; from api.cli.commands import run; assert run(['check-config']) == 0; "
        "print(*sorted({'quart', 'trio', 'actors.core'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1:] == [""]


def test_asyncio_lives_in_its_seams_only() -> None:
    found = {place(path) for path in FILES if any(within(m, "asyncio") for m in imports_of(path))}
    assert found <= ASYNCIO_SEAMS


def test_the_media_engine_is_used_by_its_contract() -> None:
    """It may live in another process one day; who opens it has to know which one it is."""
    inner = violations("api", "media.local_engine", "media.rtp.router")
    assert inner == ["api/process/media.py imports media.local_engine"]
    assert violations("actors", "media.local_engine", "media.rtp.router") == []


def names_of(node: ast.expr) -> set[str]:
    """Return the names and attributes that an expression is made of."""
    return {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }


def asks_the_registry(path: Path) -> bool:
    """Return whether a file looks an address up itself."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in {"find", "children", "count_children", "cell_at", "glimpse", "glimpses"}
        and any("registry" in name for name in names_of(node.value))
        for node in ast.walk(ast.parse(path.read_text()))
    )


def knows_where_they_live(path: Path) -> bool:
    """Return whether a file names the places of rooms, members and endpoints."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "actors.words.keys"
        and {"DIRECTORY", "ROOMS", "MEMBERS", "ENDPOINTS"} & {alias.name for alias in node.names}
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_rooms_members_and_endpoints_are_found_by_the_directory_only() -> None:
    """It is what knows on which machine they live, once there are several."""
    outside = [
        path for path in FILES if not place(path).startswith(("actors/core/", "actors/directory/"))
    ]
    assert {place(path) for path in outside if asks_the_registry(path)} == set(FINDERS)
    assert [place(path) for path in outside if knows_where_they_live(path)] == [
        "actors/room/audience.py"
    ]
    inside = [path for path in FILES if place(path).startswith("actors/directory/")]
    assert {path.name for path in inside if asks_the_registry(path)} == {
        "directory.py", "opening.py",
    }  # fmt: skip


def test_nobody_starts_a_background_task_of_quart() -> None:
    # A crash in one is swallowed: the app goes on answering 200.
    callers = [
        place(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "add_background_task"
    ]
    assert callers == []
