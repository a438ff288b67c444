"""The configuration of one legal entity's daemon, and the only reader of files and environment.

Values come from five places, the strongest first: the environment (`LOADLEDGER_<SECTION>_<KEY>`), a file
the environment names (`LOADLEDGER_<SECTION>_<KEY>_FILE`), systemd credentials (`<section>_<key>`), the TOML file, and
the defaults. A key is taken whole from the strongest place that has it. Every problem is reported at once.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.config.keys import KEYS, SECTIONS, Key
from engine.config.problem import ConfigError, ConfigProblem
from engine.config.sections import Alvys, Config, Http, Quickbooks, Relay, Token
from engine.config.sources import Given, Sources

__all__ = [
    "Alvys",
    "Config",
    "ConfigError",
    "ConfigProblem",
    "Http",
    "Key",
    "Quickbooks",
    "Relay",
    "Token",
    "describe",
    "load",
]

# The library's kinds of error, in our words. What is not here speaks for itself.
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is not set",
    "string_type": "is not text in quotes",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is empty",
    "string_pattern_mismatch": "is not written as it should be",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is too large",
    "int_from_float": "is not a whole number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is not {expected}",
    "greater_than": "is not above {gt}",
    "greater_than_equal": "is below {ge}",
    "less_than_equal": "is above {le}",
    "dict_type": "is not a table",
    "list_type": "is not a list",
    "model_type": "is not a table",
    "extra_forbidden": "is not a key",
}


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration; `path` is the TOML file, else `LOADLEDGER_CONFIG` names it, else there is none.

    Raises ConfigError with every problem: what can't be read, is not known, is missing or has a value that can't be.
    """
    sources = Sources(environ, path)
    config, errors = _validated(sources.given)
    told = [error for error in errors if error["type"] not in _ECHOES and not _hidden(error, sources.unread)]
    problems = sources.problems + [_explained(error, sources.given) for error in told]
    if config is None or problems:
        raise ConfigError(problems)
    return config


def describe() -> tuple[Key, ...]:
    """Return every key with its names, default and meaning, in the order the manual lists them."""
    return tuple(KEYS.values())


# Follows from another error, which is told.
_ECHOES: Final = frozenset({"default_factory_not_called"})


def _validated(given: Mapping[str, Given]) -> tuple[Config | None, list[ErrorDetails]]:
    """Return the configuration, or the errors without the values in them: one may be a secret."""
    tables: dict[str, Any] = {section: {} for section in SECTIONS}
    for name, (value, _) in given.items():
        key = KEYS[name]
        (tables[key.section] if key.section else tables)[key.key] = value
    try:
        return Config(**tables), []
    except ValidationError as error:
        return None, error.errors(include_url=False, include_input=False)


def _hidden(error: ErrorDetails, unread: set[str]) -> bool:
    return error["type"] == "missing" and _key(error)[0].name in unread


def _key(error: ErrorDetails) -> tuple[Key, str]:
    """Return the key an error is about, and the place inside its value."""
    location = error["loc"]
    if of_section := error.get("ctx", {}).get("key"):
        location = (*location, of_section)
    length = 2 if location[0] in SECTIONS else 1
    inside = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location[length:])
    return KEYS[".".join(map(str, location[:length]))], "".join(inside)


def _explained(error: ErrorDetails, given: Mapping[str, Given]) -> ConfigProblem:
    key, inside = _key(error)
    context = error.get("ctx", {})
    what = _WORDS[error["type"]].format(**context) if error["type"] in _WORDS else error["msg"]
    origin = f" ({given[key.name].origin})" if key.name in given else ""
    label = f"{key.name}{inside} / {key.variable}"
    return ConfigProblem(label, what + origin, context.get("fix") or _ask(key))


def _ask(key: Key) -> str:
    where = (
        f", best in a file that {key.variable}_FILE names, or as the credential {key.credential}" if key.secret else ""
    )
    return f"Give {key.meaning}{where}."
