"""Read a configuration file into `Settings`, or say everything that is wrong with it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from api.settings.checks import find_problems
from api.settings.errors import ConfigError, Problem
from api.settings.lines import KeyPath, key_lines, line_of
from api.settings.model import Settings, settings_model
from api.settings.old_names import dotted, moved_keys, with_new_names
from api.settings.unknown_values import without_wrong_values

ENVIRONMENT = "QUINTET_CONFIG"


def config_path(given: Path | None = None) -> Path | None:
    """Return the file to read: the one given, else that of QUINTET_CONFIG, else None."""
    named = os.environ.get(ENVIRONMENT, "")
    return given or (Path(named) if named else None)


def load_settings(path: Path | None = None) -> Settings:
    """Read and check `path`; None means the embedded defaults.

    Relative paths in the file are relative to its folder, without a file to the working directory.
    Raises ConfigError with every problem found.
    """
    text = "" if path is None else _read(path)
    tables, moved, twice = with_new_names(_parse(text, path))
    lines = key_lines(text)
    base = Path.cwd() if path is None else path.absolute().parent
    now = moved_keys()
    both = [(key, f"is the old name of {_dotted(now[key])}, which is set, too") for key in twice]
    try:
        settings = settings_of(tables, base)
    except ValidationError as error:
        found: list[tuple[KeyPath, str]] = [
            (
                moved.get(details["loc"], details["loc"]),
                _message(details["type"], details["msg"], details["loc"]),
            )
            for details in error.errors(include_url=False, include_input=False)
        ]
        known = without_wrong_values(tables, error, partial(settings_of, base=base), _meant)
        named = {key for key, _ in found}
        more = () if known is None else find_problems(known)
        found += (*both, *((key, words) for key, words in more if key not in named))
        raise ConfigError(_placed(found, lines, path)) from None
    if problems := _placed([*both, *find_problems(settings)], lines, path):
        raise ConfigError(problems)
    settings._file, settings._old_names = path, dotted(moved)
    return settings


def settings_of(tables: Mapping[str, Any], base: Path | None = None) -> Settings:
    """Check the values of tables, as TOML has them, and fill in defaults; {} is all defaults.

    `load_settings` also checks what the values mean together, and that the files they name are
    there. Relative paths are relative to `base`, without it to the working directory. Raises
    pydantic's ValidationError.
    """
    return settings_model().model_validate(tables, context={"base": base})


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError([Problem("", "is not UTF-8 text", path)]) from None
    except OSError as error:
        raise ConfigError([Problem("", f"cannot be read: {error.strerror}", path)]) from None


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(match.group(1)) if match else text.count("\n") + 1
        message = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise ConfigError([Problem("", f"is not TOML: {message}", path, line)]) from None


def _placed(
    found: Iterable[tuple[KeyPath, str]], lines: dict[KeyPath, int], path: Path | None
) -> list[Problem]:
    """Give each finding its dotted key and its line; in the order of the file."""
    problems = {
        Problem(_dotted(key), message, path, line_of(key, lines)): None for key, message in found
    }
    return sorted(problems, key=lambda problem: problem.line or 0)


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _message(kind: str, message: str, path: KeyPath) -> str:
    """Put pydantic's message into words that follow the key."""
    if kind == "extra_forbidden":
        close = _meant(path)
        return "is an unknown key" + (f" (did you mean {close!r}?)" if close else "")
    if kind in ("model_type", "tuple_type"):
        return "must be a table" if kind == "model_type" else "must be a list"
    if kind == "missing":
        return "is missing"
    return re.sub(r"^\w+ should", "must", message.removeprefix("Value error, "))


def _meant(path: KeyPath) -> str | None:
    """Return the known key that an unknown one may have been meant to be."""
    return next(iter(get_close_matches(str(path[-1]), _siblings(path), 1)), None)


def _siblings(path: KeyPath) -> list[str]:
    """Return the keys known where `path` ends."""
    model: type[BaseModel] | None = settings_model()
    for part in path[:-1]:
        if isinstance(part, str) and model is not None:
            model = model_in(model.model_fields[part].annotation)
    return list(model.model_fields) if model else []


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that an annotation such as `tuple[ListenerSettings, ...]` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
