"""With whom a client has signalled: each once, and only so many."""

from __future__ import annotations

from api.http.partners import LONGEST, MOST, Partners


def test_each_is_there_once_until_it_leaves() -> None:
    partners = Partners()
    assert list(partners) == []
    partners.discard("ann")
    for id_ in ("ann", "bob", "ann"):
        partners.add(id_)
    assert list(partners) == ["ann", "bob"]
    for id_ in partners:  # who is told of may be forgotten meanwhile
        partners.discard(id_)
    assert list(partners) == []


def test_the_first_of_too_many_is_forgotten() -> None:
    partners = Partners()
    for number in range(MOST + 2):
        partners.add(str(number))
    assert list(partners) == [str(number) for number in range(2, MOST + 2)]


def test_what_is_longer_than_any_id_is_not_kept() -> None:
    partners = Partners()
    for id_ in ("ann", "x" * LONGEST, "y" * (LONGEST + 1), "z" * 1_000_000):
        partners.add(id_)
    assert list(partners) == ["ann", "x" * LONGEST]
