"""The supervisor's end of the notify protocol."""

import array
import os
import socket
from pathlib import Path

import pytest

from cfsm.adapters.supervisor.notify_socket import MESSAGES_PER_TURN, NotifySocket
from cfsm.adapters.systemd import MESSAGE_MAX_BYTES, Notifier


@pytest.fixture
def listening(tmp_path):
    listening = NotifySocket(tmp_path / "worker.notify")
    yield listening
    listening.close()


@pytest.fixture
def sending(listening):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
        sending.connect(listening.address)
        yield sending


def received(listening):
    return list(listening.receive())


def test_a_notifiers_words_arrive_with_its_pid(listening):
    notifier = Notifier(listening.address)

    notifier.status("profit_factor ≥ 1.3")
    notifier.ready()
    notifier.close()

    assert received(listening) == [
        (os.getpid(), {"STATUS": "profit_factor ≥ 1.3"}),
        (os.getpid(), {"READY": "1"}),
    ]
    assert received(listening) == []


def test_several_assignments_come_in_one_message(listening, sending):
    sending.send(b"READY=1\nSTATUS=a=b\nnonsense\n")

    assert received(listening) == [(os.getpid(), {"READY": "1", "STATUS": "a=b"})]


def test_bytes_that_are_no_text_are_survived(listening, sending):
    sending.send(b"\xff\xfe=\x00\nSTATUS=\xff")

    assert received(listening)[0][1]["STATUS"] == "\N{REPLACEMENT CHARACTER}"


def test_messages_longer_than_the_protocol_allows_are_thrown_away(listening, sending):
    sending.send(b"READY=1\nSTATUS=" + b"x" * MESSAGE_MAX_BYTES)
    sending.send(b"READY=1")

    assert received(listening) == [(os.getpid(), {"READY": "1"})]


def test_file_descriptors_sent_along_are_not_kept(listening, sending, tmp_path):
    with (tmp_path / "file").open("w") as file:
        before = len(list(Path("/proc/self/fd").iterdir()))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()] * 10))]

        sending.sendmsg([b"FDSTORE=1"], rights)
        received(listening)

        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_one_talker_does_not_take_the_whole_turn(listening, sending):
    sending.setblocking(False)
    turns = listening.receive()
    for _ in range(MESSAGES_PER_TURN):  # as fast as they are read, more come
        sending.send(b"WATCHDOG=1")
        next(turns)
    sending.send(b"WATCHDOG=1")

    with pytest.raises(StopIteration):
        next(turns)


def test_the_path_is_taken_over_from_a_dead_supervisor_and_taken_away_at_the_end(listening, tmp_path):
    again = NotifySocket(tmp_path / "worker.notify")
    notifier = Notifier(again.address)
    notifier.ready()
    notifier.close()

    assert received(again) == [(os.getpid(), {"READY": "1"})]
    again.close()
    assert list(tmp_path.iterdir()) == []


def test_a_path_too_long_for_a_socket_becomes_an_abstract_address(tmp_path):
    listening = NotifySocket(tmp_path / ("long" * 30) / "worker.notify")
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": listening.address})

    notifier.ready()

    assert received(listening) == [(os.getpid(), {"READY": "1"})]
    notifier.close()
    listening.close()
