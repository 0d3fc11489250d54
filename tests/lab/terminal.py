"""A terminal that brings its records to the agent's push server, one at a time, until it is told that each is taken."""

import http.client
import threading
import time
from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))


class PushTerminal:
    """Its log and what it was told outlive every machine that it talks to."""

    def __init__(self, serial, port, people):
        self.serial, self.port, self.people = serial, port, people
        self.log, self.taken = [], 0
        self.stopped = threading.Event()

    def bring(self):
        """Punches and uploads until it is stopped."""
        while not self.stopped.is_set():
            try:
                line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                self._ask(line, "GET", "cdata?options=all&language=83&pushver=2.4.1")
                while not self.stopped.is_set():
                    if self.taken == len(self.log):
                        self._punch()
                    pin, at = self.log[self.taken]
                    answer = self._ask(line, "POST", "cdata?table=ATTLOG&Stamp=9999", f"{pin}\t{at:%F %T}\t0\t1\t0\t0\t0\t0\n")
                    if answer.startswith("OK"):
                        self.taken += 1
            except (OSError, http.client.HTTPException):
                self.stopped.wait(0.05)

    def _punch(self):
        """The next person's, never the same person's in the same second."""
        number = len(self.log)
        at = datetime.fromtimestamp(int(time.time()), SHANGHAI)
        if number >= len(self.people) and self.log[number - len(self.people)][1] == at:
            time.sleep(1)
            at += timedelta(seconds=1)
        self.log.append((self.people[number % len(self.people)], at))

    def _ask(self, line, method, path, body=None):
        line.request(method, f"/iclock/{path}&SN={self.serial}", body)
        answer = line.getresponse()
        text = answer.read().decode(errors="replace")
        return text if answer.status == 200 else ""

    def records(self):
        """Every record as the journal tells it: those that were taken, and the one that may have been."""
        taken = self.taken
        written = [(pin, at.strftime("%FT%T")) for pin, at in self.log]
        return written[:taken], written[taken:]
