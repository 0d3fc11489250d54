"""The machine boots in 1970 without a network; punches are taken and held; time arrives, and each is delivered with its true second.

True time is this host's. It notes when it presented each card; the machine learns it once, as from a first NTP answer.
"""

import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from checks import Checks, must
from machine import Machine, payload
from reader import SerialReader
from standin import CORP_ID, SECRET

HERE = os.path.dirname(os.path.abspath(__file__))
CARDS = [f"04A1B2{number:02X}" for number in range(1, 11)]
IN_THE_DARK = 7

CONFIG = """
[gateway]
zone = "Asia/Shanghai"
data = "/data/punchd"

[[device]]
name = "gate"
kind = "serial_line"
port = "/dev/ttyS1"
baud = 115200
credential = "card"
answers = "receipt"

[[destination]]
name = "wecom"
kind = "wecom"
corp_id = "{corp_id}"
secret = {{ file = "/etc/punchd/secret" }}
base_url = "http://127.0.0.1:9000"
calls_per_minute = 60
settle = "2s"

{people}
"""
PERSON = '[[person]]\nuserid = "of-{0}"\nname = "{0}"\ncards = ["{0}"]\n'


def in_the_middle_of_a_second():
    """Sleeps to where neither the machine's delay nor that of its clock's setting can reach another second."""
    time.sleep((0.4 - time.time()) % 1)


class Site:
    def __init__(self, folder):
        config = CONFIG.format(corp_id=CORP_ID, people="\n".join(PERSON.format(card) for card in CARDS))
        laid_over = payload(
            folder,
            programs=("punchd", "punchd-sim"),
            links={"scenario": os.path.join(HERE, "scenario")},
            texts={"etc/punchd/punchd.toml": config, "etc/punchd/secret": SECRET},
        )
        options = ["-m", "320", "-nic", "none", "-rtc", "base=1970-01-01T00:00:00"]
        self.machine = Machine(os.environ["LAB_GUEST"], laid_over, ("console", "reader"), options)
        self.reader, self.presented = SerialReader(), {}

    def start(self):
        self.machine.start()
        self.reader.port = self.machine.ports["reader"]
        booted = self.console_says("LAB booted at ", 60)
        must(self.console_says("the agent runs", 60) is not None, f"the agent does not run:\n{self.machine.console()}")
        return int(booted)

    def console_says(self, words, within):
        line = self.machine.ports["console"].until(words, within)
        return line and line.partition(words)[2]

    def order(self, order, answer):
        self.machine.ports["console"].say(order)
        said = self.console_says(answer, 30)
        must(said is not None, f"no answer to {order!r}:\n{self.machine.console()}")
        return said

    def present(self, card):
        in_the_middle_of_a_second()
        self.presented[card] = int(time.time())
        return self.reader.present(card, 10)

    def readings(self):
        """What the agent's own list says."""
        return json.loads(self.order("punches", "LAB punches "))

    def held(self):
        """What WeCom's stand-in holds: the second of each card, as often as it came."""
        records = json.loads(self.order("held", "LAB held "))["records"]
        return sorted((record["userid"].removeprefix("of-"), record["checkin_time"]) for record in records)


def main():
    check = Checks()
    with tempfile.TemporaryDirectory(prefix="punchd-lab-") as folder:
        site = Site(folder)
        booted = site.start()
        check("the machine boots in 1970", booted < 86_400, f"it booted at {booted}")
        dark = [site.present(card) for card in CARDS[:IN_THE_DARK]]
        check(f"{IN_THE_DARK} punches are taken without a date, and have their receipts", all(dark), dark)
        outcomes = [row["outcome"] for row in site.readings()]
        check("they are held", outcomes == ["held"] * IN_THE_DARK, outcomes)
        before = site.held()
        check("nothing is sent while the time is not known", not before, before)

        in_the_middle_of_a_second()
        site.order(f"time {int(time.time() * 1000)}", "LAB it is ")
        light = [site.present(card) for card in CARDS[IN_THE_DARK:]]
        check("with the time known, punches go on", all(light), light)
        due, end = sorted(site.presented.items()), time.monotonic() + 60
        while len(held := site.held()) < len(due) and time.monotonic() < end:
            time.sleep(1)
        check(f"all {len(due)} are delivered, once, each with its true second", held == due, [f"due {due}", f"held {held}"])
        readings = {row["credential"]: row for row in site.readings()}
        read_as = [readings[card]["recorded_ms"] // 1000 for card in CARDS[:IN_THE_DARK]]
        check("the readings themselves keep the time as it was read in 1970", max(read_as) < booted + 3600, read_as)
        outcomes = [row["outcome"] for row in readings.values()]
        check("nothing is held any more", outcomes == ["punch"] * len(CARDS), outcomes)
        site.machine.ports["console"].say("stop")
        site.machine.off(20)
    check.end()


if __name__ == "__main__":
    main()
