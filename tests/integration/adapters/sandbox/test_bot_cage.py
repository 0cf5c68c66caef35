"""What a caged bot can still do, tried from inside: it lives, and reaches nothing but its gateway and its folder."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from cfsm.adapters.sandbox.bot_cage import BotCage, enter, missing_for_bots

pytestmark = pytest.mark.skipif(bool(missing_for_bots()), reason=f"no complete cage for bots: {missing_for_bots()}")


@pytest.fixture
def ports():
    """The gateway's port, where somebody listens, one where somebody else does, and one that is free."""
    with socket.create_server(("127.0.0.1", 0)) as gateway, socket.create_server(("127.0.0.1", 0)) as other:
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        yield gateway.getsockname()[1], other.getsockname()[1], number


def in_cage(folder, ports, attempt):
    """Give what the attempt gives in a cage, as text."""
    ours, theirs = os.pipe()
    process_id = os.fork()
    if not process_id:
        status = 1
        try:
            enter(BotCage(folder, (), ports[0], ports[2], memory_mb=4096, file_mb=1))
            try:
                text = repr(attempt())
            except BaseException as error:  # noqa: BLE001 (whatever it is, it is the answer)
                text = f"{type(error).__name__}: {error}"
            os.write(theirs, text.encode()[:4000])
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    text = os.read(ours, 4096).decode()
    os.close(ours)
    os.waitpid(process_id, 0)
    return text


def connect(port, **options):
    with socket.socket(**options) as peer:
        peer.connect(("127.0.0.1", port))
        return "connected"


def listen(port):
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        return "listening"


def fast_open(port):
    with socket.socket() as peer:
        return peer.sendto(b"x", 0x20000000, ("127.0.0.1", port))


BLOCKED = {
    "another port": lambda ports, _: connect(ports[1]),
    "a port beside the gateway's by sending": lambda ports, _: fast_open(ports[1]),
    "a connection of several paths": lambda ports, _: connect(ports[1], proto=262),
    "sctp": lambda ports, _: socket.socket(proto=132),
    "udp": lambda *_: socket.socket(type=socket.SOCK_DGRAM),
    "raw": lambda *_: socket.socket(type=socket.SOCK_RAW, proto=1),
    "netlink": lambda *_: socket.socket(socket.AF_NETLINK),
    "unix": lambda *_: socket.socket(socket.AF_UNIX),
    "listening elsewhere": lambda ports, _: listen(ports[2] + 1),
    "reading the house": lambda *_: Path("/etc/passwd").read_bytes(),
    "listing the root": lambda *_: list(Path("/").iterdir()),
    "another's environment": lambda *_: Path("/proc/1/environ").read_bytes(),
    "writing outside": lambda _, folder: (folder.parent / "x").write_text("x"),
    "writing Python": lambda *_: (Path(os.__file__).parent / "x.py").write_text("x"),
    "removing outside": lambda _, folder: (folder.parent / "kept").unlink(),
    "renaming out": lambda _, folder: (folder / "kept").rename(folder.parent / "moved"),
    "a link": lambda _, folder: (folder / "link").symlink_to("/etc/passwd"),
    "a mode": lambda _, folder: (folder.parent / "kept").chmod(0o777),
    "a program": lambda *_: subprocess.run(["/bin/true"], check=False),
    "a fork": lambda *_: os.fork(),
    "a signal": lambda *_: os.kill(os.getppid(), 0),
}


@pytest.mark.parametrize("what", BLOCKED)
def test_the_cage_does_not_let(what, ports, tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    (tmp_path / "kept").write_text("kept")
    (folder / "kept").write_text("kept")

    text = in_cage(folder, ports, lambda: BLOCKED[what](ports, folder))

    assert any(word in text for word in ("Errno 1]", "Errno 13]", "Errno 18]", "Errno 38]", "PermissionError")), text
    assert (tmp_path / "kept").read_text() == "kept"


def sqlite_in(folder):
    import sqlite3

    with sqlite3.connect(folder / "trades.sqlite") as database:
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (1)")
    return database.execute("SELECT x FROM t").fetchone()


ALLOWED = {
    "the gateway": (lambda ports, _: connect(ports[0]), "'connected'"),
    "its own port": (lambda ports, _: listen(ports[2]), "'listening'"),
    "its own files": (lambda _, folder: (folder / "x").write_text("abc"), "3"),
    "its own database": (lambda _, folder: sqlite_in(folder), "(1,)"),
    "a new folder": (lambda _, folder: (folder / "logs").mkdir(), "None"),
    "asyncio": (lambda *_: __import__("asyncio").run(__import__("asyncio").sleep(0, "slept")), "'slept'"),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_the_cage_lets(what, ports, tmp_path):
    attempt, expected = ALLOWED[what]
    folder = tmp_path / "bot"
    folder.mkdir()

    assert in_cage(folder, ports, lambda: attempt(ports, folder)) == expected


def test_a_file_ends_at_its_limit(ports, tmp_path):
    text = in_cage(tmp_path, ports, lambda: (tmp_path / "large").write_bytes(bytes(2 * 1024 * 1024)))

    assert "Errno 27]" in text
