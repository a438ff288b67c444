from collections.abc import Iterator

import pytest

from state.lifecycle import (
    FORCEABLE,
    TRANSITIONS,
    Effect,
    IllegalMove,
    State,
    Trigger,
    diagram,
    forceable,
    move,
    triggers,
)
from tests.unit.rules import FORCED, TABLE, cells


def expected() -> Iterator[tuple[str, State | None, bool, str]]:
    for trigger, column, text in cells(TABLE):
        without, _, given = text.partition(" or ")
        state = None if column == "unrecorded" else State(column)
        yield trigger, state, False, without
        yield trigger, state, True, given or without


def told(state: State | None, trigger: Trigger, *, document: bool) -> str:
    try:
        row = move(state, trigger, document=document)
    except IllegalMove:
        return "-"
    return f"{row.dest} / {row.effect}" if row.effect else str(row.dest)


@pytest.mark.parametrize(("trigger", "state", "document", "text"), list(expected()))
def test_fact_moves_a_state_as_the_table_says(trigger: str, state: State | None, document: bool, text: str) -> None:  # noqa: FBT001 - a column of the table
    assert told(state, Trigger(trigger), document=document) == text


def test_table_in_words_has_every_fact_and_every_state() -> None:
    assert {trigger for trigger, *_ in cells(TABLE)} == set(Trigger)
    assert {column for _, column, _ in cells(TABLE)} == {"unrecorded", *State}


def test_every_row_can_be_taken() -> None:
    taken = {
        move(state, trigger, document=document)
        for state in (None, *State)
        for trigger in Trigger
        for document in (False, True)
        if told(state, trigger, document=document) != "-"
    }

    assert taken == set(TRANSITIONS)
    assert len(taken) == len(TRANSITIONS)


def test_document_is_taken_to_be_absent_unless_said() -> None:
    assert move(State.PENDING, Trigger.SOURCE_WITHDRAWN).dest is State.REVERTED


def test_illegal_move_says_what_was_tried_from_where() -> None:
    with pytest.raises(IllegalMove, match=r"^document_lost does not apply to a transaction that is reverted$") as told:
        move(State.REVERTED, Trigger.DOCUMENT_LOST)
    assert (told.value.state, told.value.trigger) == (State.REVERTED, Trigger.DOCUMENT_LOST)

    with pytest.raises(IllegalMove, match=r"that is not recorded yet$"):
        move(None, Trigger.EXPORT_CONFIRMED)


@pytest.mark.parametrize("state", [None, *State])
def test_triggers_of_a_state_are_those_that_lead_somewhere(state: State | None) -> None:
    leading = {
        trigger
        for trigger in Trigger
        if any(told(state, trigger, document=document) != "-" for document in (False, True))
    }

    assert triggers(state) == leading


@pytest.mark.parametrize(("source", "dest", "text"), list(cells(FORCED)))
def test_person_may_force_what_the_table_says(source: str, dest: str, text: str) -> None:
    force = forceable(State(source), State(dest))

    if text == "-":
        assert force is None
    else:
        assert force is not None
        assert (force.source, force.dest) == (State(source), State(dest))
        assert force.effect == (None if text == "yes" else Effect(text))


def test_forced_moves_are_listed_once() -> None:
    assert len({(force.source, force.dest) for force in FORCEABLE}) == len(FORCEABLE)


def test_diagram_lists_every_row_and_nothing_else() -> None:
    title, *arrows = diagram().splitlines()
    drawn = set()
    for arrow in arrows:
        ends, labels = arrow.strip().split(": ", maxsplit=1)
        source, dest = ends.split(" --> ")
        drawn |= {(source, dest, label) for label in labels.split("<br>")}

    assert title == "stateDiagram-v2"
    assert drawn == {
        (
            str(row.source or "[*]"),
            str(row.dest),
            row.trigger + (f" / {row.effect}" if row.effect else "") + ("" if row.trace == "-" else f" [{row.trace}]"),
        )
        for row in TRANSITIONS
    }
    assert len(arrows) == len({(row.source, row.dest) for row in TRANSITIONS})
