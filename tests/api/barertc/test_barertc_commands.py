"""What operators type: names with and without quotation marks, help, and nothing that fails."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.moderation.commands import (
    CommandHelp,
    OperatorCommand,
    Verb,
    parse_command,
)
from tests.support.examples import examples

ONLINE = ["alice", "alice 2", "a", "a b", "Bob", "bob", "O'Neill", 'say "x"', "@odd", "李", "x 5"]
BANNED = ["mal lory", "mal"]
ABOUT_SOMEBODY = ["kick", "ban", "unban", "nsfw", "cut", "op", "deop"]


def parsed(text: str) -> OperatorCommand | CommandHelp | None:
    return parse_command(text, ONLINE, BANNED)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/kick alice", OperatorCommand(Verb.KICK, "alice")),
        ("/kick @alice", OperatorCommand(Verb.KICK, "alice")),
        ("  /KICK   alice  ", OperatorCommand(Verb.KICK, "alice")),
        ("/kick alice 2", OperatorCommand(Verb.KICK, "alice 2")),
        ("/kick @alice 2", OperatorCommand(Verb.KICK, "alice 2")),
        ('/kick "alice 2"', OperatorCommand(Verb.KICK, "alice 2")),
        ("/kick '@alice 2'", OperatorCommand(Verb.KICK, "alice 2")),
        ("/kick alice\\ 2", OperatorCommand(Verb.KICK, "alice 2")),
        ("/kick a b", OperatorCommand(Verb.KICK, "a b")),
        ("/kick a b c", OperatorCommand(Verb.KICK, "a b")),
        ("/kick A B", OperatorCommand(Verb.KICK, "a b")),
        ("/kick a c", OperatorCommand(Verb.KICK, "a")),
        ("/kick ALICE", OperatorCommand(Verb.KICK, "alice")),
        ("/kick Bob", OperatorCommand(Verb.KICK, "Bob")),
        ("/kick bob", OperatorCommand(Verb.KICK, "bob")),
        ("/kick O'Neill", OperatorCommand(Verb.KICK, "O'Neill")),
        ("/kick o'neill now", OperatorCommand(Verb.KICK, "O'Neill")),
        ('/kick say "x"', OperatorCommand(Verb.KICK, 'say "x"')),
        ("/kick @odd", OperatorCommand(Verb.KICK, "@odd")),
        ("/kick 李", OperatorCommand(Verb.KICK, "李")),
        ("/kick alicea", OperatorCommand(Verb.KICK, "alicea")),
        ("/kick ghost of me", OperatorCommand(Verb.KICK, "ghost")),
        ('/kick "ghost of me"', OperatorCommand(Verb.KICK, "ghost of me")),
        ('/kick "ghost', OperatorCommand(Verb.KICK, '"ghost')),
        ("/ban alice", OperatorCommand(Verb.BAN, "alice", 24)),
        ("/ban alice 12", OperatorCommand(Verb.BAN, "alice", 12)),
        ("/ban alice 2", OperatorCommand(Verb.BAN, "alice 2", 24)),
        ('/ban "alice" 2', OperatorCommand(Verb.BAN, "alice", 2)),
        ("/ban a b 48", OperatorCommand(Verb.BAN, "a b", 48)),
        ('/ban "x 5" 7', OperatorCommand(Verb.BAN, "x 5", 7)),
        ("/ban gone 3", OperatorCommand(Verb.BAN, "gone", 3)),
        ("/unban mal lory", OperatorCommand(Verb.UNBAN, "mal lory")),
        ("/unban MAL", OperatorCommand(Verb.UNBAN, "mal")),
        ("/unban nobody", OperatorCommand(Verb.UNBAN, "nobody")),
        ("/nsfw alice", OperatorCommand(Verb.NSFW, "alice")),
        ("/cut alice", OperatorCommand(Verb.CUT, "alice")),
        ("/op alice", OperatorCommand(Verb.OP, "alice")),
        ("/deop alice", OperatorCommand(Verb.DEOP, "alice")),
        ("/bans", OperatorCommand(Verb.BANS)),
        ("/bans now", OperatorCommand(Verb.BANS)),
        ("/unmute-all", OperatorCommand(Verb.UNMUTE_ALL)),
        ("/kickall", OperatorCommand(Verb.KICK_ALL)),
        ("/reconfigure", OperatorCommand(Verb.RECONFIGURE)),
        ("/shutdown", OperatorCommand(Verb.SHUTDOWN)),
    ],
)
def test_a_command_is_read(text: str, command: OperatorCommand) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "kick alice", "hello /kick alice", "/me waves", "/kicks alice",
        "/kick-all", "//kick a", "/kick/alice", "/ kick alice", "/takeback 3", "\u2044kick alice",
        "/kıck alice", "/ſhutdown",
    ],
)  # fmt: skip
def test_anything_else_is_an_ordinary_message(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize("verb", ABOUT_SOMEBODY)
@pytest.mark.parametrize("argument", ["", " ", " @", ' ""', " ''", ' "@"'])
def test_a_command_without_its_name_is_answered_with_help(verb: str, argument: str) -> None:
    answer = parsed(f"/{verb}{argument}")
    assert isinstance(answer, CommandHelp)
    assert f"<code>/{verb} &lt;username&gt;" in answer.html


@pytest.mark.parametrize("hours", ["0", "-1", "x", "1.5", "١", "99999999", "1e3", "87601"])
def test_what_is_no_number_of_hours_is_answered_with_help(hours: str) -> None:
    assert isinstance(parsed(f"/ban alice {hours}"), CommandHelp)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("p", "ul", "li", "code")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_help_names_every_command() -> None:
    pages = []
    for text in ("/help", "/help-advanced"):
        answer = parsed(text)
        assert isinstance(answer, CommandHelp)
        page = Tags(answer.html)
        assert page.open == []
        pages.append(page.text)
    assert "/ban <username> [hours]" in pages[0]
    assert "/help-advanced" in pages[0]
    assert all(f"/{verb}" in "".join(pages) for verb in Verb)
    assert not any(f"/{verb} " in pages[0] for verb in ("shutdown", "kickall", "op"))


NAMES = st.text(st.sampled_from("ab 2@'\"\\é"), min_size=1, max_size=6).map(str.strip).filter(len)


@settings(max_examples=examples(400))
@given(st.lists(NAMES, max_size=5), st.text(max_size=30), st.sampled_from([*Verb, "help", "x"]))
def test_nothing_that_is_typed_fails(online: list[str], argument: str, verb: str) -> None:
    command = parse_command(f"/{verb} {argument}", online, online)
    assert (command is None) == (verb == "x")


@settings(max_examples=examples(400))
@given(st.lists(NAMES, min_size=1, max_size=6), st.data(), st.sampled_from(["kick", "nsfw", "cut"]))
def test_a_button_means_the_person_it_stands_beside(
    online: list[str], data: st.DataObject, verb: str
) -> None:
    """A button sends the name as it is, whatever is in it."""
    name = data.draw(st.sampled_from(online))
    assert parse_command(f"/{verb} {name}", online) == OperatorCommand(Verb(verb), name)


def test_an_endless_command_is_looked_at_in_part() -> None:
    command = parsed('/kick alice "' + "'" * 1_000_000)
    assert command == OperatorCommand(Verb.KICK, "alice")
    assert parsed("/kick " + "'" * 1_000_000) is not None
