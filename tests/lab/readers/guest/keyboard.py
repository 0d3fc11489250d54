"""A card reader that types: a virtual keyboard of the kernel's, plugged in when made and unplugged when closed."""

import fcntl
import os
import struct
import time

SET_EVENTS, SET_KEY, SETUP, CREATE, DESTROY = 0x40045564, 0x40045565, 0x405C5503, 0x5501, 0x5502
EV_SYN, EV_KEY, BUS_USB = 0, 1, 3
ENTER = 28
KEYS = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11}


class Keyboard:
    def __init__(self, name, vendor, product):
        self.file = os.open("/dev/uinput", os.O_WRONLY)
        fcntl.ioctl(self.file, SET_EVENTS, EV_KEY)
        # Like the real ones it claims the keys of a whole keyboard.
        for key in range(1, 128):
            fcntl.ioctl(self.file, SET_KEY, key)
        fcntl.ioctl(self.file, SETUP, struct.pack("4H80sI", BUS_USB, vendor, product, 1, name.encode(), 0))
        fcntl.ioctl(self.file, CREATE)

    def present(self, card):
        """Types the digits and Enter, as fast as such readers do."""
        for key in [*(KEYS[digit] for digit in card), ENTER]:
            for pressed in (1, 0):
                self._event(EV_KEY, key, pressed)
                self._event(EV_SYN, 0, 0)
                time.sleep(0.002)

    def unplug(self):
        fcntl.ioctl(self.file, DESTROY)
        os.close(self.file)

    def _event(self, kind, code, value):
        os.write(self.file, struct.pack("llHHi", 0, 0, kind, code, value))
