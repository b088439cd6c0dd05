"""Steps that are counted."""

import time

from config.timing import STEPS, measured, step


def test_a_step_within_another_is_taken_off_the_outer_one() -> None:
    started = time.perf_counter()
    with measured() as spent, step("validate"):
        with step("query"):
            time.sleep(0.02)
        with step("query"):
            time.sleep(0.02)
    elapsed = time.perf_counter() - started
    assert spent.seconds["query"] >= 0.04
    assert spent.seconds["validate"] < 0.02
    assert sum(spent.seconds.values()) <= elapsed


def test_nothing_is_counted_outside_of_an_answer() -> None:
    with step("query"):
        pass
    with measured() as spent:
        pass
    assert spent.seconds == dict.fromkeys(STEPS, 0.0)


def test_a_step_that_fails_is_counted() -> None:
    with measured() as spent:
        try:
            with step("parse"):
                time.sleep(0.01)
                raise ValueError
        except ValueError:
            pass
    assert spent.seconds["parse"] >= 0.01
    assert "parse;dur=1" in spent.header()
