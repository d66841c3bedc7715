"""The order of the queue: priority, then people by turns, then age."""

import pytest

from inference.requests import Request
from inference.runs import RunStore
from inference.turns import in_turn, priority_of, set_priority


@pytest.fixture
def queue(tmp_path):
    """queue(owner, priority): one more run in the queue."""
    store, queued = RunStore(tmp_path), [0]

    def add(owner, priority="normal"):
        queued[0] += 1
        run = store.create(Request("linear_gaussian"), owner)
        run.enqueue()
        run.update(heartbeat=float(queued[0]))
        set_priority(run, priority)
        return run

    add.store = store
    return add


def begin(run, now):
    run.update(state="running", performer={"since": now, "ticket": None})


def performed_in_turn(store, num_at_a_time=1):
    """Owners in the order in which their runs begin, where so many are performed at a time."""
    at_work, order, now = [], [], 100.0
    while queued := in_turn(store.list()):
        if len(at_work) == num_at_a_time:
            at_work.pop(0).set_state("done")
        else:
            begin(queued[0], now := now + 1)
            at_work.append(queued[0])
            order.append(queued[0].owner)
    return order


def test_a_higher_priority_goes_first_then_who_waits_longest(queue):
    low, first, second, high = queue("ada", "low"), queue("ada"), queue("ada"), queue("ada", "high")
    assert in_turn(queue.store.list()) == [high, first, second, low]
    set_priority(low, "high")
    assert in_turn(queue.store.list()) == [low, high, first, second]


@pytest.mark.parametrize("num_at_a_time", [1, 2, 3])
def test_ten_runs_of_one_do_not_keep_anothers_waiting(queue, num_at_a_time):
    for _ in range(10):
        queue("ada")
    queue("bob")
    order = performed_in_turn(queue.store, num_at_a_time)
    assert len(order) == 11
    assert order.index("bob") <= 1


def test_people_take_turns(queue):
    for owner in ("ada", "ada", "ada", "bob", "bob", "eve"):
        queue(owner)
    assert performed_in_turn(queue.store) == ["ada", "bob", "eve", "ada", "bob", "ada"]


def test_who_has_fewer_at_work_is_next(queue):
    busy = queue("ada")
    waiting, mine = queue("ada"), queue("bob")
    begin(busy, 5.0)
    busy.update(heartbeat=0.0)
    begin(old := queue("bob"), 9.0)  # begun later, but it has ended
    old.set_state("done")
    assert in_turn(queue.store.list()) == [mine, waiting]


def test_only_what_is_queued_has_a_turn(queue):
    stopped, done = queue("ada"), queue("ada")
    stopped.request_stop()
    done.set_state("done")
    assert in_turn(queue.store.list()) == []
    for run in (stopped, done):
        with pytest.raises(ValueError, match="only a queued run has a priority to be changed"):
            set_priority(run, "high")


@pytest.mark.parametrize("priority", ["", "urgent", None, 3, ["high"]])
def test_what_is_no_priority(queue, priority):
    run = queue("ada")
    with pytest.raises(ValueError, match="one of high, normal, low"):
        set_priority(run, str(priority))
    run.update(priority=priority)  # by hand
    assert priority_of(run.record) == "normal"
    assert in_turn(queue.store.list()) == [run]


def test_a_resumed_run_waits_behind_those_that_were_there(queue):
    resumed, waiting = queue("ada"), queue("ada")
    resumed.set_state("stopped")
    waiting.update(heartbeat=1.0)
    resumed.enqueue()
    assert in_turn(queue.store.list()) == [waiting, resumed]
