"""Power cuts at random moments while readings flow; what had a receipt must be on the disk, once.

The machine's disk is `disk.py`: what was not flushed is lost, or survives in part. Whoever gives the readings is outside the
machine and notes what it was told. LAB_SEED repeats the plan of the cuts (the emulator's pace does not repeat), LAB_CUTS changes
their number.
"""

import collections
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from checks import Checks, must
from disk import Disk
from journal import Journal, files_on
from machine import Machine, free_port, payload
from reader import SerialReader
from standin import CORP_ID, SECRET, Standin
from terminal import SHANGHAI, PushTerminal

HERE = os.path.dirname(os.path.abspath(__file__))
BINARIES = os.environ["LAB_BINARIES"]
PUNCHD = os.path.join(BINARIES, "punchd")
DISK_SIZE = 64 << 20
AT_THE_GATE = [str(1001 + number) for number in range(60)]
# Each is presented once, so that each reading can be told from all others.
AT_THE_DESK = [str(200001 + number) for number in range(2000)]

CONFIG = """
[gateway]
zone = "Asia/Shanghai"
data = "/data/punchd"

[attendance]
merge_window = "0s"

[[device]]
name = "gate"
kind = "zkteco-push"
serial = "LAB0001"
delay = "2s"
wrong_clock = "as-recorded"
count_from = 2000-01-01

[[device]]
name = "desk"
kind = "serial_line"
port = "/dev/ttyS1"
baud = 115200
credential = "user_id"
answers = "receipt"

[[destination]]
name = "wecom"
kind = "wecom"
corp_id = "{corp_id}"
secret = {{ file = "/etc/punchd/secret" }}
base_url = "http://10.0.2.2:{port}"
calls_per_minute = 60
settle = "2s"

[people]
file = "/etc/punchd/people.csv"
"""


def formatted(folder):
    image = os.path.join(folder, "empty")
    with open(image, "wb") as empty:
        empty.truncate(DISK_SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with open(image, "rb") as content:
        return content.read()


class Site:
    """The machine with its disk, and what stands around it."""

    def __init__(self, folder, standin, seed):
        self.random = random.Random(seed)
        os.makedirs(folder)
        self.disk = Disk(formatted(folder), os.path.join(folder, "disk.sock"))
        port = free_port()
        self.terminal, self.reader = PushTerminal("LAB0001", port, AT_THE_GATE), SerialReader()
        laid_over = payload(
            folder,
            programs=["punchd"],
            links={"scenario": os.path.join(HERE, "scenario")},
            texts={
                "etc/punchd/punchd.toml": CONFIG.format(corp_id=CORP_ID, port=standin.port),
                "etc/punchd/people.csv": "userid,name,user_id\n" + "".join(f"{id},{id},{id}\n" for id in AT_THE_GATE + AT_THE_DESK),
                "etc/punchd/secret": SECRET,
            },
        )
        self.machine = Machine(
            os.environ["LAB_GUEST"],
            laid_over,
            ("console", "reader", "careless"),
            ["-m", "256", "-drive", f"file=nbd:unix:{self.disk.path},format=raw,if=virtio,cache=none"]
            + ["-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:8081", "-device", "virtio-net-pci,netdev=net,romfile="],
        )
        self.boots = 0
        self.careless = []
        threading.Thread(target=self.terminal.bring, daemon=True).start()
        threading.Thread(target=self.reader.present_all, args=(AT_THE_DESK,), daemon=True).start()

    def start(self):
        self.machine.start()
        self.reader.port = self.machine.ports["reader"]
        self.boots += 1
        threading.Thread(target=self._write_carelessly, args=(self.machine.ports["careless"],), daemon=True).start()

    def _write_carelessly(self, port):
        """Notes what the writer said is written, which never waits for the disk."""
        number = self.boots * 1_000_000
        while port.say(str(number)):
            if port.until(str(number), 1):
                self.careless.append(number)
                time.sleep(0.05)
            number += 1

    def receipts(self):
        return self.terminal.taken + len(self.reader.receipts) + len(self.reader.parts)

    def until_receipts(self, more, within):
        """Waits for so many more receipts."""
        goal, end = self.receipts() + more, time.monotonic() + within
        while self.receipts() < goal:
            must(time.monotonic() < end, f"no receipt for {within} s; the machine said:\n{self.machine.console()}")
            time.sleep(0.01)

    def live_until_readings_flow(self):
        """Starts the machine and answers in words at which moment among its readings its power goes."""
        self.start()
        self.until_receipts(self.random.randint(1, 30), 120)
        if self.random.random() < 0.4:
            then = self.random.uniform(0, 0.5)
            time.sleep(then)
            return f"{then:.3f} s after a receipt"
        # The moments that matter lie between a write and its flush.
        return f"{self._until_write(1, 100)} after a receipt"

    def live_until_recovery(self):
        """The same, while the file system and the agent recover from the cut before."""
        return self._until_write(1, 64, self.start)

    def _until_write(self, first, last, then=lambda: None):
        writes = self.random.randint(first, last)
        self.disk.die_after(writes - 1)
        then()
        must(self.disk.dead.wait(120), f"fewer than {writes} writes in 120 s; the machine said:\n{self.machine.console()}")
        return f"at write {writes}"

    def cut(self):
        self.machine.cut()
        return self.disk.cut(self.random)

    def account(self, files):
        """What is wrong with the journal among these files, in sentences."""
        taken, untold = self.terminal.records()
        presented, receipts = {*self.reader.presented}, dict(self.reader.receipts)
        journal = Journal(os.path.join(files, "punchd"), PUNCHD)
        gate = journal.of("gate", "credential", "terminal_time")
        wrong = [f"{record} had its receipt and is there {gate[record]} times" for record in taken if gate[record] != 1]
        wrong += [f"{record} is there {gate[record]} times" for record in untold if gate[record] > 1]
        wrong += [f"{record} came from nowhere" for record in gate.keys() - {*taken, *untold}]
        desk = journal.of("desk", "credential", "seq")
        times = collections.Counter(credential for credential, _ in desk)
        wrong += [f"{of} had receipt {seq} and that is not there" for of, seq in receipts.items() if (of, seq) not in desk]
        parts = {*self.reader.parts}
        wrong += [f"the part {seq} of a text had its receipt and is not there" for seq in parts - journal.parts_of("desk")]
        wrong += [f"{of} is there {number} times" for of, number in times.items() if number > 1]
        wrong += [f"{of} came from nowhere" for of in times.keys() - presented]
        return wrong, journal.complaints() if gate or desk else []

    def careless_lines_lost(self, files):
        noted = list(self.careless)
        try:
            with open(os.path.join(files, "careless"), "rb") as file:
                kept = set(file.read().split())
        except FileNotFoundError:
            kept = set()
        return len([number for number in noted if b"%d" % number not in kept])

    def nobody_comes_any_more(self):
        self.terminal.stopped.set()
        self.reader.stopped.set()
        # Whoever stands at a reader has an answer within this time.
        time.sleep(3)

    def end(self):
        """Has the agent and the machine stop in order."""
        self.machine.ports["console"].say("stop")
        return self.machine.off(60)


def series(site, cuts):
    """So many cuts while readings flow, and after every third of them one more; each followed by a look at the disk as it was left."""
    lost, broken = [], []
    plan = [live for cut in range(1, cuts + 1) for live in [site.live_until_readings_flow, site.live_until_recovery][: 1 + (cut % 3 == 0)]]
    for cut, live in enumerate(plan, 1):
        moment = live()
        unflushed, survived = site.cut()
        with files_on(site.disk, mend=True) as files:
            wrong, complaints = site.account(files)
            careless = site.careless_lines_lost(files)
        lost += [f"after cut {cut}: {sentence}" for sentence in wrong]
        broken += [f"after cut {cut}: {sentence}" for sentence in complaints]
        print(
            f"        cut {cut}, {moment}: {site.terminal.taken} + {len(site.reader.receipts)} receipts so far; "
            f"of {unflushed} sectors not flushed {survived} survive; the careless writer lacks {careless} of {len(site.careless)}",
            flush=True,
        )
    site.start()
    site.until_receipts(10, 120)
    return lost, broken, careless, len(plan) - cuts


def arrived(site, standin):
    """What is wrong with the records that WeCom's stand-in holds once everything has been delivered."""
    records, untold = site.terminal.records()
    at_the_gate = {(pin, int(datetime.fromisoformat(at).replace(tzinfo=SHANGHAI).timestamp())) for pin, at in records}
    at_the_desk = {*site.reader.receipts}
    end = time.monotonic() + 120
    while True:
        held = collections.Counter(standin.held())
        people = collections.Counter(userid for userid, _ in held.elements())
        here = at_the_gate <= held.keys() and at_the_desk <= people.keys()
        if here or time.monotonic() > end:
            break
        time.sleep(1)
    wrong = [f"{record} arrived {held[record]} times" for record in at_the_gate if held[record] != 1]
    return wrong + [f"{of} arrived {people[of]} times" for of in people.keys() | at_the_desk if of in AT_THE_DESK and people[of] != 1]


def lying_disk(folder, standin, seed):
    """The same agent on a disk that begins to lie: what the lab finds missing of what had its receipt after that, and before."""
    site = Site(folder, standin, seed)
    site.start()
    site.until_receipts(20, 120)
    before = site.receipts()
    site.disk.honest = False
    site.until_receipts(20, 120)
    site.cut()
    with files_on(site.disk) as files:
        missing = len(site.account(files)[0])
    return 0 < missing <= site.receipts() - before


def main():
    check, seed = Checks(), int(os.environ.get("LAB_SEED") or random.SystemRandom().randrange(1 << 32))
    cuts = int(os.environ.get("LAB_CUTS") or 20)
    print(f"        LAB_SEED={seed} LAB_CUTS={cuts}", flush=True)
    standin = Standin(BINARIES)
    with tempfile.TemporaryDirectory(prefix="punchd-lab-") as folder:
        try:
            site = Site(os.path.join(folder, "honest"), standin, seed)
            lost, broken, careless, more = series(site, cuts)
            site.nobody_comes_any_more()
            twice = arrived(site, standin)
            in_order = site.end()
            with files_on(site.disk) as files:
                wrong, complaints = site.account(files)
            lost, broken = [*lost, *wrong], [*broken, *complaints]
            receipts = f"{len(site.reader.receipts)} of a serial reader and {site.terminal.taken} of a push terminal"
            cut = f"{cuts} power cuts while readings flow, {more} during recovery"
            check(f"{cut}: all readings that had their receipt are there, once: {receipts}", not lost, lost)
            check("after each of them the chain verifies and the file is whole", not broken, broken)
            check("after all of them the agent stops in order", in_order, site.machine.console())
            check("and everything arrived in WeCom, once", not twice, twice)
            check("control: a writer that waits for no disk lost lines to the same cuts", careless)
            seen = lying_disk(os.path.join(folder, "lying"), standin, seed)
            check("control: once the disk lies about its flushes, the lab sees receipts without readings", seen)
        finally:
            standin.stop()
    check.end()


if __name__ == "__main__":
    main()
