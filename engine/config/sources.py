"""The places values come from: environment, files it names, credentials, TOML. Reading goes on past every problem."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.config.keys import KEYS, PREFIX, SECTIONS, Key, nearest
from engine.config.problem import ConfigProblem

_BY_FILE: Final = "_FILE"
_CONFIG: Final = "LOADLEDGER_CONFIG"
# Not settings of the daemon: where its TOML file is, and where the command line finds a running daemon.
_OTHERS: Final = frozenset({_CONFIG, "LOADLEDGER_URL", "LOADLEDGER_TOKEN"})
_VARIABLES: Final = _OTHERS.union(*({key.variable, key.variable + _BY_FILE} for key in KEYS.values()))


class Given(NamedTuple):
    """A value as it was written, and the place it was found in."""

    value: object
    origin: str


class Sources:
    """Everything a person has set, by key.

    `problems` is what could not be read or is not known; `unread` names the keys that a problem hides, so that nobody
    is told to set what is set.
    """

    def __init__(self, environ: Mapping[str, str], path: Path | None) -> None:
        self._environ = {name: value for name, value in environ.items() if value}  # an empty variable is an unset one
        self.problems: list[ConfigProblem] = []
        self.unread: set[str] = set()
        self.given: dict[str, Given] = self._toml(path) | self._credentials() | self._named_files() | self._variables()

    def _toml(self, path: Path | None) -> dict[str, Given]:
        """Read the TOML file, if there is to be one."""
        if path is None and _CONFIG not in self._environ:
            return {}
        path = path or Path(self._environ[_CONFIG])
        try:
            with path.open("rb") as file:
                tables = tomllib.load(file)
        except OSError as error:
            self._no_toml(path, f"can't be read: {error.strerror}", f"Make it readable, or correct {_CONFIG}.")
        except UnicodeDecodeError:
            self._no_toml(path, "is not UTF-8 text", "Save it as UTF-8.")
        except tomllib.TOMLDecodeError as error:
            self._no_toml(path, f"is not TOML: {error}", "Correct that line; text stands in quotes.")
        else:
            return {name: Given(value, f"in {path}") for name, value in self._flat(path, tables).items()}
        return {}

    def _no_toml(self, path: Path, what: str, fix: str) -> None:
        self.problems.append(ConfigProblem(str(path), what, fix))
        self.unread.update(KEYS)

    def _flat(self, path: Path, tables: dict[str, object]) -> dict[str, object]:
        """Return the known keys of the TOML file under their full names."""
        flat: dict[str, object] = {}
        for name, value in tables.items():
            if name not in SECTIONS:
                flat[name] = value
            elif isinstance(value, dict):
                flat |= {f"{name}.{key}": inner for key, inner in value.items()}
            else:
                fix = f"Write [{name}] on a line of its own, and its keys below."
                self.problems.append(ConfigProblem(name, f"is not a table (in {path})", fix))
        for name in flat:
            if name not in KEYS:
                self.problems.append(ConfigProblem(name, f"is not a key (in {path})", _meant(nearest(name, KEYS))))
        return {name: value for name, value in flat.items() if name in KEYS}

    def _credentials(self) -> dict[str, Given]:
        """Read the credentials systemd hands over; an empty one is an unset one."""
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        files = {key: Path(directory) / key.credential for key in KEYS.values()} if directory else {}
        texts = {key: self._text(key, file) for key, file in files.items() if file.exists()}
        return self._all(texts, {key: f"in the credential {key.credential}" for key in texts})

    def _named_files(self) -> dict[str, Given]:
        """Read the files that `LOADLEDGER_…_FILE` name."""
        named = {key: key.variable + _BY_FILE for key in KEYS.values() if key.variable + _BY_FILE in self._environ}
        for key, variable in named.items():
            if key.variable in self._environ:
                fix = f"Keep one of {key.variable} and {variable}."
                self.problems.append(ConfigProblem(key.label, "is set twice in the environment", fix))
        texts = {key: self._text(key, Path(self._environ[variable])) for key, variable in named.items()}
        for key, text in texts.items():
            if text == "":
                self._hidden(key, f"comes from an empty file, {self._environ[named[key]]}", "Write the value into it.")
        return self._all(texts, {key: f"in the file {variable} names" for key, variable in named.items()})

    def _variables(self) -> dict[str, Given]:
        """Take the values of the environment itself, and look for variables that mean nothing."""
        for name in sorted(self._environ):
            if name.startswith(PREFIX) and name not in _VARIABLES:
                self.problems.append(ConfigProblem(name, "is not a setting", _meant(nearest(name, sorted(_VARIABLES)))))
        texts = {key: self._environ.get(key.variable) for key in KEYS.values()}
        return self._all(texts, {key: f"in {key.variable}" for key in texts})

    def _text(self, key: Key, file: Path) -> str | None:
        """Return the text of a file without the white space around it, None if it can't be read."""
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            self._hidden(key, f"can't be read from {file}: {error.strerror}", "Make the file readable for the daemon.")
        except UnicodeDecodeError:
            self._hidden(key, f"comes from {file}, which is not UTF-8 text", "Write the value into it as plain text.")
        return None

    def _all(self, texts: Mapping[Key, str | None], origins: Mapping[Key, str]) -> dict[str, Given]:
        """Return what there is of `texts`, lists and tables decoded."""
        values = {key: self._decoded(key, text, origins[key]) for key, text in texts.items() if text}
        return {key.name: Given(value, origins[key]) for key, value in values.items() if value is not None}

    def _decoded(self, key: Key, text: str, origin: str) -> object:
        if not key.structured:
            return text
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            self._hidden(key, f"is not JSON ({origin})", f"Give {key.meaning}, as JSON.")
            return None

    def _hidden(self, key: Key, what: str, fix: str) -> None:
        self.problems.append(ConfigProblem(key.label, what, fix))
        self.unread.add(key.name)


def _meant(name: str | None) -> str:
    return f"Did you mean {name}?" if name else "Remove it."
