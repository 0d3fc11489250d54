"""A card reader on a serial line: says what was presented, and hears what became of it.

It speaks with `kind = "serial_line"` and `answers = "receipt"`: each answer is `tone seq kind value line`. A text that a power cut or the
opening of the line cut in two is kept as unreadable and credits nobody: the person is told to try again.
"""

import threading


class SerialReader:
    """Keeps nothing but this note of what it presented and what it was told; outlives the machines at the other end."""

    def __init__(self):
        self.port = None
        self.presented, self.receipts, self.parts = [], {}, set()
        self.stopped = threading.Event()

    def present(self, line, within):
        """The words of the answer, or None where none came in time."""
        self.presented.append(line)
        port = self.port
        if not port or not port.say(line):
            return None
        while (answer := port.hear(within)) is not None:
            words = answer.split(" ", 4)
            # An answer that comes too late for the person is a receipt all the same.
            if len(words) == 5 and words[1].isdigit():
                if words[2] == "unreadable":
                    self.parts.add(int(words[1]))
                else:
                    self.receipts[words[4]] = int(words[1])
            if words[-1] == line:
                return words
        return None

    def present_all(self, lines):
        """One after the other, each once, whether there is somebody at the other end or not."""
        for line in lines:
            if self.stopped.is_set():
                return
            if not self.present(line, 2):
                self.stopped.wait(0.05)
