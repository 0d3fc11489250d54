"""A wall reader: two lines of a GPIO chip that the kernel simulates (gpio-sim), pulled down for every bit as a reader does."""

import os
import subprocess
import time

CONFIG = "/sys/kernel/config/gpio-sim/lab"
DATA0, DATA1 = 17, 18
# Slower than real readers, which take 2 ms: the kernel's thread for an edge has to come to its turn before the next.
BIT_S = 0.005


def written(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


class Wires:
    """The chip appears when this is made, and calls itself `lab`."""

    def __init__(self):
        subprocess.run(["modprobe", "lab-gpio"], check=True)
        if not os.path.isdir(os.path.dirname(CONFIG)):
            subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
        os.makedirs(f"{CONFIG}/bank0")
        written(f"{CONFIG}/bank0/num_lines", "32")
        written(f"{CONFIG}/bank0/label", "lab")
        written(f"{CONFIG}/live", "1")
        lines = f"/sys/devices/platform/{read(f'{CONFIG}/dev_name')}/{read(f'{CONFIG}/bank0/chip_name')}"
        self.pulls = {bit: f"{lines}/sim_gpio{line}/pull" for bit, line in (("0", DATA0), ("1", DATA1))}
        for pull in self.pulls.values():
            written(pull, "pull-up")

    def present(self, card):
        """A card of 32 bits in a frame of 34: an even parity bit over the first half, an odd one over the second."""
        bits = f"{int(card, 16):032b}"
        even, odd = bits[:16].count("1") % 2, 1 - bits[16:].count("1") % 2
        for bit in f"{even}{bits}{odd}":
            written(self.pulls[bit], "pull-down")
            written(self.pulls[bit], "pull-up")
            time.sleep(BIT_S)
