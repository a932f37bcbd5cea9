"""Lines of keys: what a problem points to."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings.lines import key_lines, line_of

TEXT = '''\
top = 1
[server] # a comment with [brackets] = "x
data_dir = "a # b"

[[listeners]]
bind = "one"
dialects = [
  "spreed", # ] not the end
  "x = y",
]
[[listeners]]
"bind" = """
[not.a.table]
key = 1
"""
root = "r"
[[auvious.clients]]
id = 'c'
[auvious.clients.deep]
x = { y = 1, z = [
  2] }
[barertc]
jwt.enabled = true
a."b.c".d = 1
'''

LINES = {
    ("top",): 1,
    ("server",): 2,
    ("server", "data_dir"): 3,
    ("listeners",): 5,
    ("listeners", 0): 5,
    ("listeners", 0, "bind"): 6,
    ("listeners", 0, "dialects"): 7,
    ("listeners", 1): 11,
    ("listeners", 1, "bind"): 12,
    ("listeners", 1, "root"): 16,
    ("auvious", "clients"): 17,
    ("auvious", "clients", 0): 17,
    ("auvious", "clients", 0, "id"): 18,
    ("auvious", "clients", 0, "deep"): 19,
    ("auvious", "clients", 0, "deep", "x"): 20,
    ("barertc",): 22,
    ("barertc", "jwt"): 23,
    ("barertc", "jwt", "enabled"): 23,
    ("barertc", "a"): 24,
    ("barertc", "a", "b.c"): 24,
    ("barertc", "a", "b.c", "d"): 24,
}


def test_every_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    found = key_lines(TEXT)
    assert {path: found.get(path) for path in LINES} == LINES
    assert not [path for path in found if path[0] in ("not", "key", "x")]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("listeners", 0, "dialects", 1), 7),
        (("auvious", "clients", 0, "deep", "x", "y"), 20),
        (("limits", "rooms"), None),
        (("server", "nope"), 2),
    ],
)
def test_what_has_no_line_of_its_own_points_to_what_holds_it(
    path: tuple[str | int, ...], line: int | None
) -> None:
    assert line_of(path, key_lines(TEXT)) == line


values = st.one_of(
    st.sampled_from(["1", '"a"', '"\\""', "'#['", '""', "''", "{ a = 1 }", '["]", [1]]']),
    st.sampled_from(['"""x"""', '"""\n[t]\nk = 1\n"""', "'''\n\"\"\"'''", '""""a""""']),
    st.sampled_from(["[\n1, # ]\n2]", '"""a\\\n b\\""""', "[{ b = '}' }]"]),
)


@given(st.lists(values, max_size=12))
def test_a_key_after_any_values_is_found_on_its_line(before: list[str]) -> None:
    text = "".join(f"k{index} = {value}\n" for index, value in enumerate(before)) + "last = 1\n"
    tomllib.loads(text)
    assert key_lines(text)[("last",)] == text.count("\n")
    assert set(key_lines(text)) == {(f"k{index}",) for index in range(len(before))} | {("last",)}
