"""A headless Chromium that a test drives: pages are opened, scripts evaluated, and what the page did is kept."""

import os
import shutil
import subprocess
import sys
import tempfile

import orjson

LAUNCHER = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for wanted, number in zip((3, 4), high):
    os.dup2(number, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Starts a program with the descriptors where the debugging protocol wants them: it reads 3 and writes 4."""

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program():
    """Give the browser's path, or None where none is installed."""
    return next((found for found in map(shutil.which, PROGRAMS) if found), None)


class Chromium:
    """Speaks the browser's debugging protocol over a pipe; ``events`` are what the page reported."""

    def __init__(self):
        self.events = []
        self._number = 0
        self._buffer = b""
        self._session = None

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="cfsm-chromium-")
        theirs, self._write = os.pipe()
        self._read, to_us = os.pipe()
        options = ["--headless", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={self._profile}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium refuses its sandbox to root
        launcher = [sys.executable, "-c", LAUNCHER, str(theirs), str(to_us), program(), *options, "about:blank"]
        self._process = subprocess.Popen(launcher, pass_fds=(theirs, to_us), stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(to_us)
        return self

    def __exit__(self, *_):
        os.close(self._write)
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url):
        """Open a page and wait until it is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)
        while not self.heard("Page.loadEventFired"):
            self._take()

    def evaluate(self, expression):
        """Give the value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def heard(self, *methods):
        """Give the parameters of the events of these names."""
        return [event["params"] for event in self.events if event["method"] in methods]

    def call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._write, orjson.dumps(message) + b"\0")
        while True:
            answer = self._take()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _take(self):
        while b"\0" not in self._buffer:
            piece = os.read(self._read, 1 << 20)
            assert piece, "the browser ended"
            self._buffer += piece
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = orjson.loads(text)
        if "method" in message:
            self.events.append(message)
        return message
