"""Records on their way to the journal, as its socket gets them."""

import array
import logging
import os
import socket
import struct

import pytest
import structlog

from cfsm.adapters import journal
from cfsm.adapters.journal import Journal, JournalHandler, is_our_stderr, priority_of
from cfsm.adapters.logging import _journal_fields


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(str(tmp_path / "journal"))
        peer.settimeout(5)
        yield peer


def received(listener):
    """Give the fields of the next record, from the datagram or from the memory that came with it."""
    data, passed, _, _ = listener.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    for _, _, content in passed:
        (memory,) = array.array("i", content)
        data = os.pread(memory, 1 << 26, 0)
        os.close(memory)
    fields = {}
    while data:
        name, _, rest = data.partition(b"\n")
        if b"=" in name:
            key, _, value = name.partition(b"=")
            data = rest
        else:
            (size,) = struct.unpack_from("<Q", rest)
            key, value, data = name, rest[8 : 8 + size], rest[8 + size + 1 :]
        fields[key.decode()] = value.decode()
    return fields


def test_a_record_has_its_fields(listener):
    with Journal(listener.getsockname()) as out:
        out.send({"MESSAGE": "≥ 1", "STRATEGY_ID": "abc", "TRACE": "two\nlines", "lower": "no", "_TRUSTED": "no"})

    assert received(listener) == {"MESSAGE": "≥ 1", "STRATEGY_ID": "abc", "TRACE": "two\nlines"}


def test_a_record_that_no_datagram_takes_goes_through_memory(listener):
    with Journal(listener.getsockname()) as out:
        out.send({"MESSAGE": "x" * 4_000_000})

    assert received(listener) == {"MESSAGE": "x" * 4_000_000}


def test_a_line_of_another_library_has_the_fields_of_what_it_was_said_about(listener):
    record = logging.LogRecord("freqtrade.optimize", logging.WARNING, "x.py", 7, "no %s", ("trades",), None, "f")

    about = {"STRATEGY_ID": "s", "RUN_ID": "r", "EVENT": "e", "CORRELATION_ID": "c"}
    with Journal(listener.getsockname()) as out, structlog.contextvars.bound_contextvars(**about):
        JournalHandler(out, _journal_fields("backtester")).handle(record)

    fields = received(listener)
    assert fields["MESSAGE"] == "no trades"
    assert (fields["STRATEGY_ID"], fields["RUN_ID"], fields["EVENT"], fields["CORRELATION_ID"]) == ("s", "r", "e", "c")
    assert (fields["WORKER"], fields["LOGGER"], fields["PRIORITY"]) == ("backtester", "freqtrade.optimize", "4")
    assert fields["SYSLOG_IDENTIFIER"] == "cfsm-backtester"


def test_a_journal_that_is_gone_ends_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)

    with Journal(tmp_path / "nowhere") as out:
        handler = JournalHandler(out, lambda _: {"MESSAGE": "lost"})
        handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "lost", (), None))

    assert not (tmp_path / "nowhere").exists()


def test_stderr_is_the_journals_where_it_says_so(tmp_path):
    with (tmp_path / "stderr").open("w") as file:
        found = os.fstat(file.fileno())

        assert is_our_stderr({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, file.fileno())
        assert not is_our_stderr({"JOURNAL_STREAM": "1:2"}, file.fileno())
        assert not is_our_stderr({}, file.fileno())


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.CRITICAL, 2), (logging.ERROR, 3), (35, 4), (logging.INFO, 6), (logging.DEBUG, 7)]
)
def test_levels_are_syslogs_priorities(level, priority):
    assert priority_of(level) == priority
    assert journal.DEBUG_PRIORITY == 7
