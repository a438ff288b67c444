"""Every key there is: its name in the TOML file, in the environment and among the credentials, and what it means."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args, get_origin

import msgspec
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from engine.config.sections import Config, Section
from engine.config.values import Secret

PREFIX: Final = "LOADLEDGER_"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default` is as one would write it in the environment: None if the key is required, "" for nothing."""

    section: str
    key: str
    default: str | None
    meaning: str
    secret: bool
    structured: bool  # a list or table, which the environment holds as JSON

    @property
    def name(self) -> str:
        """The key in the TOML file, behind its table: `quickbooks.realm_id`."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def credential(self) -> str:
        """The name of the credential that holds the value: `quickbooks_realm_id`."""
        return self.name.replace(".", "_")

    @property
    def variable(self) -> str:
        """The environment variable: `LOADLEDGER_QUICKBOOKS_REALM_ID`."""
        return PREFIX + self.credential.upper()

    @property
    def required(self) -> bool:
        """Whether the daemon can't start without it."""
        return self.default is None

    @property
    def label(self) -> str:
        """Both names, as problems state them."""
        return f"{self.name} / {self.variable}"


def _keys() -> Iterator[Key]:
    for name, field in Config.model_fields.items():
        if name not in SECTIONS:
            yield _key("", name, field)
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            yield _key(section, name, field)


def _key(section: str, name: str, field: FieldInfo) -> Key:
    kind = field.annotation
    return Key(
        section=section,
        key=name,
        default=None
        if field.is_required()
        else _written(field.get_default(call_default_factory=True, validated_data={"entity": "<entity>"})),
        meaning=field.description or "",
        secret=kind is SecretStr or Secret in get_args(kind),
        structured=get_origin(kind) in {dict, list},
    )


def _written(default: Any) -> str:  # noqa: ANN401 - whatever a key's value may be
    if default is None:
        return ""
    return msgspec.json.encode(default).decode() if isinstance(default, bool | dict | list) else str(default)


SECTIONS: Final[dict[str, type[Section]]] = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
"""The tables of the TOML file."""

KEYS: Final[dict[str, Key]] = {key.name: key for key in _keys()}
"""Every key by its name in the TOML file, in the order the manual lists them."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was most likely meant: the same key in its right place, else one spelled alike."""
    names = list(known)
    last = name.rpartition(".")[2].removeprefix(PREFIX)
    moved = [each for each in names if each.endswith((f".{last}", f"_{last}"))]
    return next(iter(moved or get_close_matches(name, names, n=1)), None)
