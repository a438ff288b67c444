"""`python -m tests.simulation.removals`: the product without one of its safeguards, and what the judge sees of it.

Each row takes one safeguard away in a world made for it. Within the stated number of seeds the judge must find the
named promise broken, and in the same seeds with the safeguard in place nothing at all.
"""

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import click

from tests.simulation import stories, without
from tests.simulation.plan import Plan
from tests.simulation.run import Report, run_seed
from tests.simulation.script import Script, Story, scripted


@dataclass(frozen=True)
class Removal:
    """A safeguard: how it is taken away, in which story, and what breaks then.

    `given` are other safeguards that are missing with and without it, so that this one stands alone.
    """

    name: str
    patch: without.Patch
    breaks: str
    story: Story
    plan: Plan = field(default_factory=scripted)
    given: without.Patch = without.nothing

    def run(self, seed: int, *, removed: bool) -> Report:
        """Run one seed with or without the safeguard."""
        patch = without.everything(self.given, self.patch) if removed else self.given
        return run_seed(seed, plan=self.plan, patch=patch, world=partial(Script, story=self.story))

    def caught(self, report: Report) -> list[str]:
        """Return what the judge saw of the promise that breaks."""
        return [violation for violation in report.violations if violation.startswith(f"{self.breaks} ")]


SEEDS: Final = 6
"""Within so many seeds each removal is caught; most are in every one."""

_LATE: Final = stories.answer_lost("late_commit", delay=90.0)
_TWO: Final = (without.exclusive_lock, without.attempt_numbers)

# fmt: off
REMOVALS: Final = (
    Removal("stable id", without.stable_id, "P1", stories.answer_lost("late_commit", delay=400.0),
            scripted(request_id="replay")),
    Removal("intent first", without.intent_first, "P1", stories.died_after_sending),
    Removal("doubt instead of failure", without.doubt, "P1", _LATE),
    Removal("quiet period", without.quiet_period, "P1", _LATE),
    Removal("doubt at boot", without.doubt_at_boot, "P8", stories.died_after_sending),
    Removal("quiet period from boot", without.quiet_from_boot, "P1", stories.sent_long_after_its_intent),
    Removal("look-up first", without.look_up, "P1", stories.answer_lost("commit_then_drop"),
            scripted(read_every=600)),
    Removal("second read", without.second_read, "P1", stories.answer_lost("late_commit", delay=179.0),
            scripted(read_every=600, query_lag_seconds=4.0)),
    Removal("marker check", without.marker_check, "P3", stories.typed_in_before),
    Removal("money check", without.money_check, "P3", stories.edited_in_doubt, scripted(read_every=600)),
    Removal("untouched check", without.untouched_check, "P6", stories.edited_and_changed),
    Removal("items of a batch judged alone", without.items_judged_alone, "P3", stories.batch_with_a_refusal),
    Removal("one in flight per transaction", without.one_in_flight, "P1", stories.changed_in_doubt),
    Removal("overtaking", without.overtaking, "P3", stories.changed_under_way),
    Removal("exclusive lock", without.exclusive_lock, "P9", stories.started_twice),
    Removal("compare-and-swap", without.compare_and_swap, "P1", stories.two_at_work,
            given=without.everything(*_TWO, without.epoch)),
    Removal("epoch", without.epoch, "P1", stories.two_at_work,
            given=without.everything(*_TWO, without.compare_and_swap)),
    Removal("catching up after a restore", without.catching_up, "P1", stories.restored(knowing=True)),
    Removal("adopting what is taken in again", without.adopting, "P1", stories.restored(knowing=False)),
    Removal("counted tellings", without.counted_tellings, "P3", stories.told_and_restored),
    Removal("asking for the unwanted", without.asking_for_the_unwanted, "P11", stories.withdrawn_and_restored),
    Removal("cursor last", without.cursor_last, "P2", stories.tms_unreadable),
    Removal("persist before use", without.keeping_tokens, "P4", stories.access_rotates, scripted(life=(3600, 0))),
    Removal("single refresher", without.single_refresher, "P7", stories.access_ends,
            scripted(life=(4, 0), refresh_overlap="strict")),
)
# fmt: on


@click.command()
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="With each removal.")
@click.option("--only", help="The name of one removal.")
@click.option("--verbose", is_flag=True, help="Print what was seen.")
def main(*, seeds: int, only: str | None, verbose: bool) -> None:
    """Take each safeguard away, and put it back; exit with 1 if the judge misses one, or sees what is not there."""
    failed = 0
    for removal in REMOVALS:
        if only in {None, removal.name}:
            failed += _tell(removal, seeds, verbose=verbose)
    click.echo(f"{failed} missed" if failed else "each was caught, and nothing else was seen")
    sys.exit(1 if failed else 0)


def _tell(removal: Removal, seeds: int, *, verbose: bool) -> bool:
    """Print what came of a removal; return whether it was missed, or something seen without it."""
    reports = {seed: removal.run(seed, removed=True) for seed in range(1, seeds + 1)}
    kept = {seed: removal.run(seed, removed=False) for seed in reports}
    caught = [seed for seed, report in reports.items() if removal.caught(report)]
    false = [violation for report in kept.values() for violation in report.violations]
    broken = sorted({violation.split()[0] for report in reports.values() for violation in report.violations})
    first = f"first by seed {caught[0]}" if caught else "MISSED"
    click.echo(f"{removal.name:32} {removal.breaks} in {len(caught)} of {seeds} seeds, {first}; broken {broken}")
    for violation in false[:5]:
        click.echo(f"    with it in place: {violation[:300]}")
    if verbose:
        for violation in [each for report in reports.values() for each in report.violations][:6]:
            click.echo(f"    without it: {violation[:300]}")
    return bool(false) or not caught or caught[0] > SEEDS


if __name__ == "__main__":
    main()
