"""All mistakes of a file at once: also those across keys while single values are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import BaseModel

from api.settings import ConfigError, Settings
from api.settings.load import model_in
from api.settings.model import settings_model

Load = Callable[[str], Settings]


def keys(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [each.key for each in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[limits]\nrooms = -1\n[[listeners]]\nbind = '0.0.0.0:1'\ndialects = ['skyway']\n",
            ["limits.rooms", "listeners[0].dialects"],
        ),
        (
            "[[listeners]]\nbind = 'x'\ndialects = ['spred']\n[[listeners]]\ntls_keyfile = 'x'",
            ["listeners[0].bind", "listeners[0].dialects", "listeners[1].tls_keyfile"],
        ),
        (
            "[ice]\nturn_urls = ['turn:a']\nannounced_ips = ['0.0.0.0']\nservers = [{}]\n",
            ["ice.turn_urls", "ice.announced_ips", "ice.servers[0].urls"],
        ),
        (
            "[spreed]\nrequire_access_token = true\nmodules = ['chess']",
            ["spreed.require_access_token", "spreed.modules[0]"],
        ),
        (
            "[owt]\nconnect_seconds = 0\n[streams]\nconnect_seconds = 0\n[log]\nlevel = 1\n",
            ["owt.connect_seconds", "streams.connect_seconds", "log.level"],
        ),
    ],
)
def test_what_is_wrong_across_keys_is_named_beside_wrong_values(
    load: Load, text: str, expected: list[str]
) -> None:
    assert keys(load, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ice]\nturn_urls = ['turn:a']\nturn_secret = 5", ["ice.turn_secret"]),
        ("[ice]\nturn_urls = ['turn:a']\nturn_secrt = 'x'", ["ice.turn_secrt"]),
        (
            "[spreed]\nrequire_access_token = true\ntoken_file = 5",
            ["spreed.token_file"],
        ),
        (
            "[spreed.users]\nmode = 'httpheader'\n[limits]\ntrusted_proxies = ['x']",
            ["limits.trusted_proxies[0]"],
        ),
        ("[spreed.users]\nmode = 'httpheader'\n[limts]\ntrusted_proxies = ['::1']", ["limts"]),
        ("[[listeners]]\n[[listeners]]\nbind = 8080\n", ["listeners[1].bind"]),
        ("[[listeners]]\nroot = 'owt'\ndialects = ['owt', 3]\n", ["listeners[0].dialects[1]"]),
        ("[[auvious.clients]]\nid = 'a'\n[[auvious.users]]\nid = 3", ["auvious.users[0].id"]),
        ("[owt]\nqueued_messages = 3000\noutbox_messages = 'many'", ["owt.outbox_messages"]),
    ],
)
def test_what_only_follows_from_a_mistake_is_not_named(
    load: Load, text: str, expected: list[str]
) -> None:
    assert keys(load, text) == expected


def every_key(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield each key of the file, dotted; what is in arrays of tables by inline tables."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        yield f"{above}{name}"
        if inner is not None and field.annotation is inner:
            yield from every_key(inner, f"{above}{name}.")


def test_any_key_may_be_wrong_without_another_being_blamed(load: Load) -> None:
    every = list(every_key(settings_model()))
    assert len(every) > 200
    blamed = {key: keys(load, f"{key} = 1979-05-27\n") for key in every}
    assert {key: found for key, found in blamed.items() if found != [key]} == {}
