"""What a medium holds after a power cut: all that was synced, and of the rest whatever chance left of it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.powerloss.disk import Created, Deleted, Step, Synced, Truncated, Written

_SECTORS = (512, 4096)  # bytes that reach the medium together or not at all

Files = Mapping[str, bytes]


@dataclass
class _File:
    """One file: what is on the medium for good, and the steps that may or may not be."""

    synced: bytearray
    loose: list[Written | Truncated] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = self.whole()
        self.loose.clear()

    def whole(self) -> bytearray:
        """Return what a reader sees while the power is on."""
        content = bytearray(self.synced)
        for step in self.loose:
            _carry_out(step, content)
        return content

    def left(self, chance: random.Random) -> bytearray:
        """Return what may be there after a power cut: of what is loose none, all, the first few or any."""
        content, garbage = bytearray(self.synced), chance if chance.random() < 0.5 else None
        for step, torn in _survivors(self.loose, chance):
            if isinstance(step, Truncated) or not torn:
                _carry_out(step, content)
                continue
            if chance.random() < 0.5:  # the size got there, whatever is missing of the bytes
                _resize(content, max(len(content), step.offset + len(step.data)), garbage)
            for piece in _torn(step, chance):
                _carry_out(piece, content)
        return content


def _survivors(loose: list[Written | Truncated], chance: random.Random) -> list[tuple[Written | Truncated, bool]]:
    """Return the steps that came through, wholly or torn, in the order in which they did."""
    match chance.choices(("none", "all", "first", "any"), (1, 1, 3, 5))[0]:
        case "none":
            return []
        case "all":
            return [(step, False) for step in loose]
        case "first":
            last = chance.randint(0, len(loose))
            return [(step, at == last) for at, step in enumerate(loose[: last + 1])]
        case _:
            odds = chance.random()
            came = [(step, chance.random() < 0.3) for step in loose if chance.random() < odds]
            chance.shuffle(came)
            return came


def _torn(step: Written, chance: random.Random) -> list[Written]:
    """Return the sectors of a write that came through: the first few, or any."""
    sectors = _sectors(step, chance.choice(_SECTORS))
    if chance.random() < 0.5:
        return sectors[: chance.randint(0, len(sectors))]
    return [sector for sector in sectors if chance.random() < 0.5]


def _carry_out(step: Written | Truncated, content: bytearray) -> None:
    match step:
        case Truncated(_, size):
            _resize(content, size)
        case Written(_, offset, data):
            _resize(content, max(len(content), offset))
            content[offset : offset + len(data)] = data


def _sectors(step: Written, size: int) -> list[Written]:
    """Return a write cut up where the medium's sectors end."""
    first = step.offset - step.offset % size
    end = step.offset + len(step.data)
    starts = [max(step.offset, at) for at in range(first, end, size)]
    return [
        Written(step.name, start, step.data[start - step.offset : stop - step.offset])
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    ]


def _resize(content: bytearray, size: int, garbage: random.Random | None = None) -> None:
    grown = size - len(content)
    if grown <= 0:
        del content[size:]
    else:
        content.extend(garbage.randbytes(grown) if garbage else bytes(grown))


class Device:
    """One folder on a medium, brought forward step by step."""

    def __init__(self, files: Files) -> None:
        # Each name with what it may stand for after a cut; the last is what it stands for now.
        self._names: dict[str, list[_File | None]] = {
            name: [_File(bytearray(content))] for name, content in files.items()
        }

    def take(self, step: Step) -> None:
        """Bring the medium forward by one step."""
        match step:
            case Created(name):
                self._names.setdefault(name, [None]).append(_File(bytearray()))
            case Deleted(name, folder):
                self._names[name].append(None)
                self._settle(folder=folder)
            case Synced(name, folder):
                self._now(name).sync()
                self._settle(folder=folder)
            case _:
                self._now(step.name).loose.append(step)

    def whole(self) -> Files:
        """Return the files as they are while the power is on."""
        return {name: bytes(found[-1].whole()) for name, found in self._names.items() if found[-1] is not None}

    def left(self, chance: random.Random) -> Files:
        """Return files that a power cut may leave."""
        standing = {name: chance.choice(found) for name, found in self._names.items()}
        return {name: bytes(file.left(chance)) for name, file in standing.items() if file is not None}

    def _settle(self, *, folder: bool) -> None:
        """What was created and deleted in the folder is so for good."""
        if folder:
            for found in self._names.values():
                del found[:-1]

    def _now(self, name: str) -> _File:
        file = self._names[name][-1]
        assert file is not None
        return file
