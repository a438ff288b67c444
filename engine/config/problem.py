"""What is wrong with a configuration, told so that the person who wrote it can put it right."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong: the key under both its names, or the file, what is wrong with it, and what fixes it."""

    key: str
    what: str
    fix: str

    @override
    def __str__(self) -> str:
        return f"{self.key} {self.what}. {self.fix}"


class ConfigError(Exception):
    """The configuration can't be used. `problems` holds every reason; no secret is in any of them."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
