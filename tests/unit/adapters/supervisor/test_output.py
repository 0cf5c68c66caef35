"""What becomes of the lines that units print."""

import contextlib
import fcntl
import os
import pty
import stat

import pytest

from cfsm.adapters.supervisor.output import (
    LINE_MAX_BYTES,
    LOG_BACKUPS,
    LOG_MAX_BYTES,
    TERMINAL_BACKLOG_BYTES,
    LogFile,
    Terminal,
    UnitOutput,
)


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for fd in (reading, writing):
        with contextlib.suppress(OSError):  # the test may have closed it
            os.close(fd)


class Shown(Terminal):
    def __init__(self):
        super().__init__(None)
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)


@pytest.fixture
def output(tmp_path):
    errors = []
    output = UnitOutput("a | ", LogFile(tmp_path / "a.log"), Shown(), errors.append)
    output.errors = errors
    return output


def shown(output):
    return output._terminal.text


def pass_on(output, pipe, data):
    os.write(pipe[1], data)
    return output.read(pipe[0])


def test_a_log_is_rotated_before_it_outgrows_its_bound(tmp_path):
    log = LogFile(tmp_path / "logs" / "a.log", max_bytes=10, backups=2)

    for line in (b"one 45\n", b"two\n", b"three\n", b"four\n", b"five\n", b"six\n"):
        log.write(line)
    log.close()

    files = {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    assert files == {"a.log": b"six\n", "a.log.1": b"four\nfive\n", "a.log.2": b"two\nthree\n"}


def test_a_log_goes_on_where_the_last_process_left_it(tmp_path):
    for line in (b"before\n", b"after\n"):
        log = LogFile(tmp_path / "a.log", max_bytes=100)
        log.write(line)
        log.close()

    assert (tmp_path / "a.log").read_bytes() == b"before\nafter\n"
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) == 0o600


def test_lines_reach_log_and_terminal(output, pipe, tmp_path):
    pass_on(output, pipe, b"first\nsec")
    pass_on(output, pipe, b"ond\n  indented\n\nthe e")
    output.end()

    assert (tmp_path / "a.log").read_text() == "first\nsecond\n  indented\n\nthe e\n"
    assert shown(output) == "a | first\na | second\na |   indented\na | \na | the e\n"
    assert output.last_line == "the e"


def test_a_new_run_has_no_last_line_yet(output, pipe):
    pass_on(output, pipe, b"before\n")

    output.begin()

    assert output.last_line == ""


def test_escape_sequences_do_not_reach_the_terminal(output, pipe, tmp_path):
    pass_on(output, pipe, b"\x1b]0;title\x07\x1b[2J\xff\xc2\x9b31m\r\n")

    assert shown(output) == "a | ?]0;title??[2J\N{REPLACEMENT CHARACTER}?31m\n"
    assert b"\x1b" in (tmp_path / "a.log").read_bytes()


def test_a_line_without_end_is_broken_up(output, pipe, tmp_path):
    for _ in range(3):
        pass_on(output, pipe, b"x" * LINE_MAX_BYTES)
    assert len(output._partial) <= LINE_MAX_BYTES
    output.end()

    assert (tmp_path / "a.log").read_bytes().replace(b"\n", b"") == b"x" * 3 * LINE_MAX_BYTES


def test_the_end_of_a_pipe_is_told_from_its_silence(output, pipe):
    with pytest.raises(BlockingIOError):
        output.read(pipe[0])
    os.close(pipe[1])

    assert not output.read(pipe[0])


def test_a_log_that_cannot_be_written_is_told_once_and_used_again(output, pipe, tmp_path):
    (tmp_path / "a.log").mkdir()
    pass_on(output, pipe, b"lost\n")
    pass_on(output, pipe, b"lost too\n")
    assert [type(error) for error in output.errors] == [IsADirectoryError]

    (tmp_path / "a.log").rmdir()
    pass_on(output, pipe, b"kept\n")

    assert (tmp_path / "a.log").read_text() == "kept\n"
    assert shown(output).count("\n") == 3


def test_a_full_disk_is_no_end_of_the_supervisor(pipe, tmp_path):
    errors = []
    (tmp_path / "a.log").symlink_to("/dev/full")
    output = UnitOutput("", LogFile(tmp_path / "a.log"), Terminal(None), errors.append)

    pass_on(output, pipe, b"lost\n")

    assert [error.strerror for error in errors] == ["No space left on device"]


def test_a_terminal_that_takes_nothing_is_not_waited_for(pipe):
    reading, writing = pipe
    terminal = Terminal(writing)
    line = "x" * 1023 + "\n"

    for _ in range(200):  # a write that waits fails by the tests' time limit
        terminal.write(line)
    taken = b""
    while len(taken) < 64 * 1024:
        taken += os.read(reading, 64 * 1024)
    terminal.flush()
    while True:
        try:
            taken += os.read(reading, 64 * 1024)
        except BlockingIOError:
            break
        terminal.flush()

    text = taken.decode()
    whole = text.count(line)
    assert text == line * whole + f"… {200 - whole} lines not shown: the terminal did not take them\n"
    assert whole * len(line) >= TERMINAL_BACKLOG_BYTES
    terminal.close()


def test_a_terminals_own_mode_is_left_alone():
    master, slave = pty.openpty()
    before = fcntl.fcntl(slave, fcntl.F_GETFL)

    terminal = Terminal(slave)
    terminal.write("hello\n")
    assert terminal.isatty()
    assert not Terminal(None).isatty()

    assert os.read(master, 100) == b"hello\r\n"
    assert fcntl.fcntl(slave, fcntl.F_GETFL) == before
    terminal.close()
    os.close(slave)
    os.close(master)


def test_a_terminal_that_is_gone_is_no_error(pipe):
    terminal = Terminal(pipe[1])
    os.close(pipe[0])

    terminal.write("nobody reads this\n")
    terminal.close()

    assert terminal.write("nor this\n") == len("nor this\n")


def test_a_file_is_written_at_its_own_place(tmp_path):
    with (tmp_path / "out").open("wb") as out:
        out.write(b"header\n")
        out.flush()
        terminal = Terminal(out.fileno())
        terminal.write("line\n")
        terminal.close()

    assert (tmp_path / "out").read_text() == "header\nline\n"


def test_the_disk_that_logs_take_is_bounded():
    assert LOG_MAX_BYTES * (1 + LOG_BACKUPS) <= 16 * 1024 * 1024
