import pytest

from engine.parcels import Parcels

BACKLOG = 1_000


def carried(parcels: Parcels, orders: int, *, seconds: float = 0.1) -> None:
    """Let one request of that many orders be answered; the seconds are those of each order."""
    parcels.carried(orders, orders * seconds)


def grown(most: int = 30, **given: object) -> Parcels:
    """Return parcels at their largest, for a vendor that is ten times as fast with many at once."""
    parcels = Parcels(most, **given)  # type: ignore[arg-type] # the two questions
    carried(parcels, 1, seconds=1.0)
    for orders in (8, 16, 30):
        carried(parcels, orders)
    return parcels


@pytest.mark.parametrize("waiting", [0, 1, 2, 10, 15])
def test_little_that_waits_goes_one_by_one(waiting: int) -> None:
    assert grown().size(waiting) == 1


def test_backlog_goes_many_at_once_as_large_as_the_vendor_takes_them() -> None:
    assert grown().size(BACKLOG) == 30
    assert grown(most=7).size(BACKLOG) == 7


def test_backlog_that_fits_one_request_leaves_in_one() -> None:
    assert [grown().size(waiting) for waiting in (16, 20, 29, 30, 31)] == [16, 20, 29, 30, 30]


def test_vendor_that_takes_one_at_a_time_gets_one_at_a_time() -> None:
    parcels = Parcels(1)
    carried(parcels, 1)

    assert [parcels.size(waiting) for waiting in (1, 16, BACKLOG)] == [1, 1, 1]


def test_parcels_start_small_and_double_with_each_success() -> None:
    parcels, sizes = Parcels(30), []
    for _ in range(4):
        sizes.append(parcels.size(BACKLOG))
        carried(parcels, sizes[-1])

    assert sizes == [8, 16, 30, 30]


def test_small_parcel_that_succeeds_makes_the_next_no_smaller() -> None:
    parcels = grown()
    carried(parcels, 2)

    assert parcels.size(BACKLOG) == 30


def test_parcels_halve_with_each_unanswered_one() -> None:
    parcels, sizes = grown(), []
    for _ in range(5):
        sizes.append(parcels.size(BACKLOG))
        parcels.failed(sizes[-1])

    assert sizes == [30, 15, 7, 3, 1]


def test_single_order_that_fails_says_nothing_about_parcels() -> None:
    parcels = grown()
    parcels.failed(1)

    assert parcels.size(BACKLOG) == 30


def test_parcels_that_shrank_to_one_are_tried_again_small_and_grow_again() -> None:
    parcels = grown()
    parcels.failed(2)

    sizes = [parcels.size(BACKLOG) for _ in range(82)]
    assert sizes == [1] * 40 + [2] + [1] * 40 + [2]

    carried(parcels, 2)
    assert parcels.size(BACKLOG) == 4


def test_single_orders_use_what_the_budget_of_parcels_leaves_over() -> None:
    spare = True
    parcels = grown(spare=lambda: spare)
    assert parcels.size(BACKLOG) == 30

    spare = False
    assert parcels.size(BACKLOG) == 1


def test_vendor_that_works_through_a_parcel_one_by_one_gets_single_orders() -> None:
    parcels = Parcels(30)
    for _ in range(10):
        carried(parcels, 1, seconds=0.2)
        carried(parcels, 8, seconds=0.19)

    assert [parcels.size(BACKLOG) for _ in range(3)] == [1, 1, 1]


def test_vendor_that_gains_a_fifth_from_parcels_gets_them() -> None:
    parcels = Parcels(30)
    for _ in range(10):
        carried(parcels, 1, seconds=0.2)
        carried(parcels, 8, seconds=0.15)

    assert parcels.size(BACKLOG) == 16


def test_vendor_that_worked_one_by_one_is_asked_again_and_believed_when_it_got_faster() -> None:
    parcels = Parcels(30)
    for _ in range(10):
        carried(parcels, 1, seconds=0.2)
        carried(parcels, 8, seconds=0.2)

    assert [parcels.size(BACKLOG) for _ in range(41)] == [1] * 40 + [16]
    for _ in range(4):
        carried(parcels, 16, seconds=0.02)
    assert parcels.size(BACKLOG) == 30


def test_parcels_carry_more_while_the_budget_of_single_requests_is_used_up() -> None:
    scarce = True
    parcels = Parcels(30, scarce=lambda: scarce)
    for _ in range(10):
        carried(parcels, 1, seconds=0.2)
        carried(parcels, 8, seconds=0.2)
    assert parcels.size(BACKLOG) == 16

    scarce = False
    assert parcels.size(BACKLOG) == 1
