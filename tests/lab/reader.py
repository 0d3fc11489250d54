"""A card reader on a serial line: says a card number, and hears what became of it."""

import threading
import time


class SerialReader:
    """`port` is the machine's serial port, exchanged for another when the machine boots again."""

    def __init__(self):
        self.port = None
        # Card number and answer, in order; what was presented and not answered.
        self.receipts, self.untold = [], []

    def present(self, card, within):
        """The answer, or None where there was none."""
        port = self.port
        answer = port.hear(within) if port and port.say(card) else None
        if answer is None:
            self.untold.append(card)
        else:
            self.receipts.append((card, answer))
        return answer
