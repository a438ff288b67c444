"""The power is cut at any moment of a day at the store: what is left must open, whole, with all that was promised."""

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

from state.trouble import StoreError
from tests.powerloss import judge
from tests.powerloss.device import Device, Files
from tests.powerloss.disk import Disk, Step, Synced
from tests.powerloss.workload import Clock, Day, Promise, opened

NAME = "acme.db"
WAVES = 40  # in one day
PER_DAY = 200  # images
_AGAIN = 0.1  # of the images are opened on a disk that loses its power once more


class Recording(NamedTuple):
    """What was asked of the disk from some files on, and what was promised meanwhile."""

    files: Files
    log: Sequence[Step]
    promises: Sequence[Promise]


class Loss(NamedTuple):
    """An image that is not as it must be, and the command that makes it again."""

    seed: int
    image: int
    cut: int
    words: str

    @override
    def __str__(self) -> str:
        again = f"python -m tests.powerloss --seed {self.seed} --images {self.image + 1}"
        return f"cut after step {self.cut}, {self.words}: {again}"


class Cuts:
    """Records days and has images of them judged, in a folder of its own."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._judged, self._opened = folder / "judged", folder / "opened"
        self._judged.mkdir()
        self._opened.mkdir()

    async def day(self, seed: int, images: int = PER_DAY, waves: int = WAVES) -> list[Loss]:
        """Record a day, judge images of it and return what is wrong with them."""
        judgement = Judgement(await self.record(seed, waves), self._judged)
        log, losses = judgement.recording.log, []
        cuts = [(random.Random(f"cut {seed} {image}").randint(0, len(log)), image) for image in range(images)]
        device, taken = Device({}), 0
        for cut, image in sorted(cuts):
            for step in log[taken:cut]:
                device.take(step)
            taken = cut
            chance = random.Random(f"image {seed} {image}")
            words = await self._wrong(judgement, cut, device.left(chance), chance)
            losses += [Loss(seed, image, cut, each) for each in words]
        return losses

    async def record(self, seed: int, waves: int) -> Recording:
        """Spend a day on an empty disk."""
        _lay({}, self._opened)
        with self._disk.watching(self._opened) as log:
            day = Day(self._opened / NAME, seed, log)
            await day.run(waves)
        return Recording({}, log, day.promises)

    async def _wrong(self, judgement: "Judgement", cut: int, left: Files, chance: random.Random) -> list[str]:
        """Say what is wrong with an image: as it is, once the store was opened on it, and if that was cut short too."""
        seen = look(left, self._judged)
        words = judgement.wrong(seen, cut)
        if words:
            return words
        _lay(left, self._opened)
        with self._disk.watching(self._opened) as log:
            try:
                await (await opened(self._opened / NAME, Clock())).close()
            except StoreError as error:
                return [f"does not open: {error}"]
        after = judge.look(self._opened / NAME)
        made = [Promise(0, promise.fact) for promise in judgement.promised(cut)]
        if seen.facts:
            words = judge.changed(seen, after, [fact for _, fact in made])
        if not words and chance.random() < _AGAIN:
            recovery = Judgement(Recording(left, log, made), self._judged)
            second = chance.randint(0, len(log))
            device = Device(left)
            for step in log[:second]:
                device.take(step)
            words = [f"opened, then {each}" for each in recovery.wrong(look(device.left(chance), self._judged), second)]
        return words


class Judgement:
    """Knows every state that one recording went through, and which of them a cut may leave."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        self.recording = recording
        synced = {taken for taken, step in enumerate(recording.log, 1) if isinstance(step, Synced)}
        told = {promise.position for promise in recording.promises}
        self._positions = sorted({0, len(recording.log)} | synced | told)
        self._contents = list(self._walk(folder))

    def promised(self, cut: int) -> list[Promise]:
        """Return what had been promised when the power went."""
        return [promise for promise in self.recording.promises if promise.position <= cut]

    def wrong(self, seen: judge.Seen, cut: int) -> list[str]:
        """Say what is wrong with what a cut left: all that was promised is there, and no half of anything."""
        made = self.promised(cut)
        words = [f"damaged: {damage}" for damage in seen.damage[:1]]
        lost = {promise.fact[0]: promise.fact for promise in made if not seen.holds(promise.fact)}
        words += [f"lost: {fact}" for fact in lost.values()]  # the last of each kind
        first = bisect_left(self._positions, max((promise.position for promise in made), default=0))
        last = bisect_left(self._positions, cut)
        if seen.content not in self._contents[first : last + 1]:
            words.append("in a state that never was, or no longer")
        return words

    def _walk(self, folder: Path) -> Iterator[str]:
        """Yield the content at each position, as if the power had never gone."""
        device, taken = Device(self.recording.files), 0
        for position in self._positions:
            for step in self.recording.log[taken:position]:
                device.take(step)
            taken = position
            yield look(device.whole(), folder).content


def look(files: Files, folder: Path) -> judge.Seen:
    """Return what the judge sees in some files."""
    _lay(files, folder)
    return judge.look(folder / NAME)


def _lay(files: Files, folder: Path) -> None:
    """Put files, and nothing else, into a folder."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
