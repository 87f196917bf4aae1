"""Virtual time: tasks take turns by the seed, wait without waiting, and can be killed anywhere."""

import pytest

from testbed.loop import Killed, Loop, Stuck


def run(loop, limit=1000):
    loop.run(lambda: False, limit)


def test_tasks_go_on_in_the_order_of_their_times():
    loop, seen = Loop(1), []

    def work(name, pause):
        for _ in range(2):
            loop.pause(pause)
            seen.append((name, loop.now))

    loop.spawn("slow", lambda: work("slow", 10))
    loop.spawn("fast", lambda: work("fast", 4))
    run(loop)
    assert seen == [("fast", 4), ("fast", 8), ("slow", 10), ("slow", 20)]


def test_order_at_one_moment_follows_from_the_seed():
    def order(seed):
        loop, seen = Loop(seed), []
        for name in "abcdef":
            loop.at(1, seen.append, name)
        run(loop)
        return seen

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 10


def test_draws_of_a_task_do_not_depend_on_other_tasks():
    def drawn(*names):
        loop, found = Loop(7), {}

        def work(name):
            task = loop.running()
            found[name] = [task.draw() for _ in range(3) if not loop.pause(task.draw())]

        for name in names:
            loop.spawn(name, lambda name=name: work(name))
        run(loop)
        return found

    assert drawn("a", "b", "c")["b"] == drawn("b")["b"] == drawn("b", "z")["b"]


def test_killed_task_makes_no_further_call_not_even_on_its_way_out():
    loop, seen = Loop(1), []

    def work():
        try:
            loop.pause(5)
            seen.append("went on")
        finally:
            loop.pause(1)
            seen.append("cleaned up")

    def whole():
        with pytest.raises(Killed):
            work()
        seen.append("dead")

    task = loop.spawn("victim", whole)
    loop.at(2, loop.kill, task, "killed")
    run(loop)
    assert seen == ["dead"] and task.death == "killed"


def test_task_that_is_killed_before_its_start_never_runs():
    loop, seen = Loop(1), []
    task = loop.spawn("victim", lambda: seen.append("ran"), after=5)
    loop.at(2, loop.kill, task, "killed")
    run(loop)
    assert seen == []


def test_task_waits_for_an_answer_and_gets_the_first_one():
    loop, seen = Loop(1), []

    def begin(answer):
        loop.after(3, answer, "first")
        loop.after(4, answer, "second")

    loop.spawn("asks", lambda: seen.append((loop.wait_for(begin), loop.now)))
    run(loop)
    assert seen == [("first", 3)]


def test_run_that_does_not_come_to_rest_is_stuck():
    loop = Loop(1)

    def again():
        loop.after(60, again)

    again()
    with pytest.raises(Stuck, match="no rest after 3600 s"):
        run(loop, limit=3600)
