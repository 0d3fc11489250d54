"""A card reader that types: a virtual keyboard of the kernel's, plugged in when made, with a light that the machine switches."""

import fcntl
import os
import select
import struct
import time

SET_EVENTS, SET_KEY, SET_LED, SETUP, CREATE, DESTROY = 0x40045564, 0x40045565, 0x40045569, 0x405C5503, 0x5501, 0x5502
EV_SYN, EV_KEY, EV_LED, BUS_USB = 0, 1, 0x11, 3
ENTER, SCROLL_LOCK = 28, 2
EVENT = struct.Struct("llHHi")
KEYS = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11}


class Keyboard:
    def __init__(self, name, vendor, product):
        self.file = os.open("/dev/uinput", os.O_RDWR)
        fcntl.ioctl(self.file, SET_EVENTS, EV_KEY)
        # Like the real ones it claims the keys of a whole keyboard.
        for key in range(1, 128):
            fcntl.ioctl(self.file, SET_KEY, key)
        fcntl.ioctl(self.file, SET_EVENTS, EV_LED)
        fcntl.ioctl(self.file, SET_LED, SCROLL_LOCK)
        fcntl.ioctl(self.file, SETUP, struct.pack("4H80sI", BUS_USB, vendor, product, 1, name.encode(), 0))
        fcntl.ioctl(self.file, CREATE)

    def present(self, card):
        """Types the digits and Enter, as fast as such readers do."""
        for key in [*(KEYS[digit] for digit in card), ENTER]:
            for pressed in (1, 0):
                self._event(EV_KEY, key, pressed)
                self._event(EV_SYN, 0, 0)
                time.sleep(0.002)

    def lit(self, within):
        """How long the light is on when it goes on within so many seconds; None if it does not, or does not go off again."""
        on, end = None, time.monotonic() + within
        while (left := end - time.monotonic()) > 0 and select.select([self.file], [], [], left)[0]:
            _, _, kind, code, value = EVENT.unpack(os.read(self.file, EVENT.size))
            if (kind, code) == (EV_LED, SCROLL_LOCK):
                if value:
                    on = time.monotonic()
                elif on:
                    return time.monotonic() - on
        return None

    def unplug(self):
        fcntl.ioctl(self.file, DESTROY)
        os.close(self.file)

    def _event(self, kind, code, value):
        os.write(self.file, EVENT.pack(0, 0, kind, code, value))
