"""What systemd does at a socket with Accept=yes, in a thread: a program for each connection, which is its stdin."""

import contextlib
import socket
import subprocess
import sys
import threading


class SocketUnits:
    """Listens at ``path`` and starts the bots' unit program for each connection; ``started`` are those processes."""

    def __init__(self, path, folder):
        self.path = path
        self.started = []
        self._folder = folder
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                program = [sys.executable, "-m", "cfsm.adapters.freqtrade.dry_run.unit", str(self._folder)]
                self.started.append(subprocess.Popen(program, stdin=connection, stderr=subprocess.DEVNULL))

    def close(self):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        self.path.unlink()
        for each in self.started:
            each.kill()
            each.wait()
