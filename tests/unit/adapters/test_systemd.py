"""What a worker tells its supervisor."""

import logging
import os
import socket
from pathlib import Path

import pytest
from sdnotify import SystemdNotifier

from cfsm.adapters.systemd import MESSAGE_MAX_BYTES, Notifier, one_line, printable


@pytest.fixture
def supervisor(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


@pytest.fixture
def notifier(supervisor):
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": supervisor.getsockname()})
    yield notifier
    notifier.close()


def heard(listening):
    return listening.recv(2 * MESSAGE_MAX_BYTES).decode()


def test_each_call_is_one_assignment(supervisor, notifier):
    notifier.ready()
    notifier.watchdog()
    notifier.stopping()
    notifier.extend_timeout(2.5)

    assert [heard(supervisor) for _ in range(4)] == [
        "READY=1",
        "WATCHDOG=1",
        "STOPPING=1",
        "EXTEND_TIMEOUT_USEC=2500000",
    ]


def test_a_status_beyond_latin_1_arrives(supervisor, notifier):
    notifier.status("profit_factor ≥ 1.3, 你好")

    assert heard(supervisor) == "STATUS=profit_factor ≥ 1.3, 你好"


def test_an_overlong_status_is_cut_at_a_character_and_says_so(supervisor, notifier):
    notifier.status("≥" * MESSAGE_MAX_BYTES)

    message = heard(supervisor)
    assert MESSAGE_MAX_BYTES - 3 < len(message.encode()) <= MESSAGE_MAX_BYTES
    assert set(message.removeprefix("STATUS=")[:-1]) == {"≥"}
    assert message.endswith("…")


def test_a_status_can_smuggle_in_no_other_assignment(supervisor, notifier):
    notifier.status("waiting\nWATCHDOG=1\0\x1b[2J")

    assert heard(supervisor) == "STATUS=waiting WATCHDOG=1??[2J"


def test_text_that_is_no_unicode_still_arrives(supervisor, notifier):
    notifier.status("broken \udcff name")

    assert heard(supervisor) == "STATUS=broken ? name"


def test_abstract_addresses_are_spoken_to(supervisor):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind("")
        abstract.settimeout(5)
        notifier = Notifier.from_environment({"NOTIFY_SOCKET": "@" + abstract.getsockname()[1:].decode()})

        notifier.ready()

        assert heard(abstract) == "READY=1"
        notifier.close()


def test_without_a_supervisor_nothing_happens():
    notifier = Notifier.from_environment({})

    notifier.ready()

    assert notifier.watchdog_interval_seconds is None


def test_an_unknown_kind_of_address_is_named(caplog):
    Notifier.from_environment({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()

    assert "vsock:2:1234" in caplog.text


def test_a_supervisor_that_is_gone_is_logged_once_until_it_is_back(supervisor, notifier, caplog, tmp_path):
    address = supervisor.getsockname()
    supervisor.close()
    Path(address).unlink()
    with caplog.at_level(logging.WARNING):
        notifier.watchdog()
        notifier.watchdog()
        assert len(caplog.records) == 1

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
            again.bind(address)
            notifier.watchdog()
            assert heard(again) == "WATCHDOG=1"
        notifier.watchdog()

    assert len(caplog.records) == 2


def test_a_supervisor_that_does_not_listen_loses_messages_but_does_not_hold_the_worker(supervisor, notifier, caplog):
    while "does not hear" not in caplog.text:  # until its queue is full; a send that waits for ever fails by timeout
        notifier.watchdog()


def test_it_is_sdnotifys_notifier():
    assert isinstance(Notifier.from_environment({}), SystemdNotifier)


def test_the_watchdog_is_pinged_in_half_of_its_time():
    notifier = Notifier.from_environment({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})

    assert notifier.watchdog_interval_seconds == 15.0


@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
        {},
    ],
)
def test_a_watchdog_for_another_process_or_no_time_is_none(environ):
    assert Notifier.from_environment(environ).watchdog_interval_seconds is None


def test_printable_keeps_words_and_drops_what_moves_the_cursor():
    assert printable("\x1b[31m\tred\r ≥") == "?[31m    red? ≥"
    assert one_line("  a\n\tb  ") == "a b"
