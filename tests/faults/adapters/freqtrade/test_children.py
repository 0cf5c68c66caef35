"""Children that hang, allocate, fork, print, exit or leave threads: each ends, with the reason, and harms nothing."""

import mmap
import os
import select
import threading
import time

import pytest

from cfsm.adapters.freqtrade.children import Child, Ended
from cfsm.adapters.freqtrade.protocol import Kind
from cfsm.domain.evaluation import Limits

PATIENCE_SECONDS = 60.0
LIMITS = Limits(wall_seconds=30.0, cpu_seconds=30.0, memory_mb=256, output_mb=16)
MEGABYTE = 1 << 20


def run(work, **limits):
    """The frames of a child that does this work; Ended where it ends without a result."""
    child = Child(work, (), Limits(**(vars_of(LIMITS) | limits)))
    frames, end = [], time.monotonic() + PATIENCE_SECONDS
    try:
        while not any(kind is Kind.RESULT for kind, _ in frames):
            assert time.monotonic() < end, "the child was left alone"
            select.select([child.pipe], [], [], 0.05)
            frames += child.read()
            child.look()
    finally:
        child.end()
    with pytest.raises(ProcessLookupError):
        os.kill(child.process_id, 0)
    return frames


def vars_of(limits):
    return {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


def why(work, **limits):
    with pytest.raises(Ended) as caught:
        run(work, **limits)
    return caught.value.found


def test_one_that_hangs_is_ended_after_its_time():
    found = why(lambda _: time.sleep(3600), wall_seconds=0.3)

    assert (found.code, "0.3 seconds" in found.message) == ("LIMIT_TIME", True)


def test_one_that_computes_for_ever_is_ended_after_its_processor_time():
    def forever(_):
        while True:
            pass

    assert why(forever, cpu_seconds=0.5).code == "LIMIT_CPU"


def test_one_that_allocates_gets_no_more_than_its_memory():
    def allocate(send):
        held = []
        try:
            while True:
                held.append(mmap.mmap(-1, 8 * MEGABYTE))  # new memory, not what the parent's heap has to spare
        except OSError:
            got = len(held) * 8
            held.clear()
            send(Kind.RESULT, str(got).encode())

    (_, megabytes), *_ = run(allocate, memory_mb=64)

    assert 0 < int(megabytes) <= 64


@pytest.mark.parametrize("how", ["fork", "forkpty", "posix_spawn"])
def test_one_that_wants_children_gets_none(how):
    def multiply(send):
        try:
            os.posix_spawn("/bin/true", ["true"], {}) if how == "posix_spawn" else getattr(os, how)()
        except OSError:
            send(Kind.RESULT, b"none")

    assert run(multiply)[-1] == (Kind.RESULT, b"none")


def test_one_that_prints_200_megabytes_prints_into_nothing():
    def shout(send):
        for _ in range(200):
            os.write(1, b"x" * MEGABYTE)
            os.write(2, b"x" * MEGABYTE)
        send(Kind.RESULT, b"done")

    assert run(shout) == [(Kind.RESULT, b"done")]


def test_one_that_gives_back_200_megabytes_is_ended():
    found = why(lambda send: send(Kind.RESULT, b"x" * (200 * MEGABYTE)), memory_mb=1024)

    assert (found.code, "16 MB" in found.message) == ("LIMIT_OUTPUT", True)


def test_one_that_tells_of_progress_without_end_is_ended():
    def babble(send):
        while True:
            send(Kind.PROGRESS, b"x" * 4000)

    assert why(babble).code == "LIMIT_OUTPUT"


@pytest.mark.parametrize("status", [0, 3])
def test_one_that_exits_without_a_result_is_said_to_have_died(status):
    found = why(lambda _: os._exit(status))

    assert (found.code, f"status {status}" in found.message) == ("DIED", True)


def test_one_that_is_killed_is_said_to_have_died():
    assert why(lambda _: os.abort()).code == "DIED"


def test_one_that_speaks_another_language_is_ended():
    assert why(lambda _: os.write(3, b"hello, this is no frame")).code == "BROKEN_RESULT"


def test_threads_that_are_left_end_with_the_child():
    def leave(send):
        threading.Thread(target=time.sleep, args=(3600,)).start()
        send(Kind.RESULT, b"done")

    assert run(leave) == [(Kind.RESULT, b"done")]
