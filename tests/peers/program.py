"""Programs of ours as the checks start and stop them: every wait has a bound, nothing is left running."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading


def leave(*_):
    """Told to stop, a check leaves through its `with` blocks, so that what it started ends with it."""
    # Told twice, it must not leave the leaving.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("told to stop")


signal.signal(signal.SIGTERM, leave)


def must(condition, what):
    """Ends the check with a sentence unless the condition holds."""
    if not condition:
        sys.exit(what)


def same(found, expected, what):
    """Ends the check and shows the first difference unless both lists are equal."""
    for place, (one, other) in enumerate(zip(found, expected)):
        must(one == other, f"{what}: number {place} is {one!r}, expected {other!r}")
    must(len(found) == len(expected), f"{what}: {len(found)} of {len(expected)}")


def binary(name):
    """Where cargo built one of our programs."""
    return os.path.join(os.environ["PEERS_BINARIES"], name)


class Program:
    """One of our programs, running."""

    def __init__(self, name, *words, **environment):
        self.words = [binary(name), *map(str, words)]
        self.environment = {**os.environ, **environment}

    def __enter__(self):
        self.process = subprocess.Popen(
            self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _listen(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def line(self, within=30):
        """The next line that it prints."""
        try:
            line = self.lines.get(timeout=within)
        except queue.Empty:
            sys.exit(f"{self.words[0]} printed nothing within {within} s")
        if line is None:
            sys.exit(f"{self.words[0]} printed nothing more and ended with {self.stop()}")
        return line

    def stop(self, within=15):
        """Asks it to stop, and kills it if it does not; answers its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class PullTerminal(Program):
    """A virtual pull terminal; knows where it listens as soon as it does."""

    def __init__(self, *words):
        super().__init__("punchd-sim", "device", "zkteco-pull", "--listen", "127.0.0.1:0", *words)

    def __enter__(self):
        super().__enter__()
        try:
            host, port = json.loads(self.line())["address"].rsplit(":", 1)
        except BaseException:
            self.stop()
            raise
        self.host, self.port = host, int(port)
        return self


class Reader(Program):
    """A virtual reader at a serial port; knows the port, and takes orders."""

    def __init__(self, kind, *words):
        super().__init__("punchd-sim", "device", kind, *words)

    def __enter__(self):
        super().__enter__()
        try:
            self.port = json.loads(self.line())["port"]
        except BaseException:
            self.stop()
            raise
        return self

    def order(self, line):
        """Has something done to it; answers what it says about that."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.line())
        must("done" in answer, f"{line}: {answer}")
        return answer["done"].get("says")
