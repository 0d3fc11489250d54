"""The agent's Bluetooth drivers against a BlueZ that somebody else might have written, and everything that it keeps to itself.

`terminal`: punches over Nordic UART through lost connections, a restarted daemon and a switched adapter; `badges`: badges that come near, and a
scan that hears nothing; `discover`: what is near is listed.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing

from fake_bluez import NUS, Bluez, PrivateBus, Thing
from program import Program, binary, must

GATE = "C0:11:22:33:44:55"
BADGE = bytes.fromhex("0215f7826da64fa24e988024bc5b71e0893e00010007c5")
BADGE_ID = "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/1/7"
APPLE = 0x004C

TERMINAL = f"""
[[device]]
name = "gate"
kind = "ble"
device = "{GATE}"
prefix = "user"
silence = "5s"
link_check = "2s"
"""
BADGES = """
[[device]]
name = "hall"
kind = "ble-badge"
silence = "5s"
away = "10s"
"""
PEOPLE = """
[[person]]
userid = "zhangsan"
name = "张三"
user_ids = ["7"]
"""


class Agent:
    """`punchd run` with a journal in a folder of its own."""

    def __init__(self, folder, devices):
        self.folder, self.config = folder, os.path.join(folder, "punchd.toml")
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(f'[gateway]\nzone = "Asia/Shanghai"\ndata = "{folder}/data"\nlog = "{os.environ.get("PEERS_LOG", "warn")}"\n{devices}{PEOPLE}')

    def run(self):
        return Program("punchd", "run", "--config", self.config)

    def readings(self):
        """Credential and profile of every reading of a whole text, oldest first."""
        return [reading for reading in self.everything() if reading[0] != "unreadable"]

    def parts(self):
        """How many parts of texts were kept."""
        return len(self.everything()) - len(self.readings())

    def everything(self):
        path = f"{self.folder}/data/journal.db"
        if not os.path.exists(path):
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            return journal.execute("SELECT credential_kind, credential, method, profile FROM reading ORDER BY seq").fetchall()


async def until(holds, what, within=45):
    """Waits until it holds; ends the check with a sentence if it does not in time."""
    end = asyncio.get_running_loop().time() + within
    while not holds():
        must(asyncio.get_running_loop().time() < end, f"{what}: not within {within} s")
        await asyncio.sleep(0.05)


async def punch(agent, gate, number, pieces, answer, what):
    """Sends a line as soon as somebody listens; it must be in the journal once and the answer at the gate."""
    before, gate.written = len(agent.readings()), b""
    await until(lambda: gate.notify(*pieces), f"{what}: nobody subscribes")
    await until(lambda: len(agent.readings()) > before, f"{what}: nothing is read")
    user = agent.readings()[-1]
    must(user[1] == number and user[3] == "ble:nus user_id", f"{what}: {user}")
    await until(lambda: gate.written.endswith(b"\n"), f"{what}: no answer")
    must(gate.written == answer.encode(), f"{what}: the answer is {gate.written!r}")
    must(len(agent.readings()) == before + 1, f"{what}: read more than once")


async def terminal(folder):
    gate = Thing(GATE, "Gate", [NUS])
    passing = Thing("D0:00:00:00:00:01", "Somebody's phone")
    bluez, agent = Bluez(passing, gate), Agent(folder, TERMINAL)
    await bluez.start()
    with agent.run() as running:
        await punch(agent, gate, "7", [b"us", b"er 7", b"\r\n"], "OK 张三\n", "the first punch")
        await punch(agent, gate, "8", [b"chatter\nuser 8\nus"], "UNKNOWN\n", "a stranger")
        must(all(kind == "request" and length <= 20 for length, kind in gate.writes), f"writes: {gate.writes}")
        must(bluez.adapter.filters and not bluez.adapter.discovering, "it still scans while it is connected")

        # A text that the loss cut in two is nobody's: user 7 must not be taken for its tail, nor its head for anything.
        gate.device.drop()
        before = agent.parts()
        await until(lambda: gate.notify(b"er 7\n"), "the tail of a cut text: nobody subscribes")
        await until(lambda: agent.parts() > before, "the tail of a cut text is not kept")
        await asyncio.sleep(1)
        await punch(agent, gate, "9", [b"user 9\n"], "UNKNOWN\n", "after a lost connection")

        # The daemon knows and says nothing.
        gate.device.drop(tell=False)
        await punch(agent, gate, "10", [b"user 10\n"], "UNKNOWN\n", "after a silent loss")

        gate.gone = True
        bluez.forget(gate.device.path)
        await asyncio.sleep(3)
        gate.gone = False
        await punch(agent, gate, "11", [b"user 11\n"], "UNKNOWN\n", "after it was away and forgotten")

        bluez.stop()
        await asyncio.sleep(4)
        await bluez.start()
        await punch(agent, gate, "12", [b"user 12\n"], "UNKNOWN\n", "after the daemon was restarted")

        bluez.adapter.switch(False)
        await punch(agent, gate, "13", [b"user 13\n"], "UNKNOWN\n", "after the adapter was switched off")

        bluez.blocked = True
        bluez.adapter.switch(False)
        await asyncio.sleep(4)
        bluez.blocked = False
        await punch(agent, gate, "14", [b"user 14\n"], "UNKNOWN\n", "after rfkill")

        # As a power cut would end it: the daemon keeps the connection, and a connected device does not advertise.
        running.process.kill()
        running.process.wait()
        must(gate.device.connected, "the fake lets go of a device whose client is gone")
        gate.device.pipe[2][1].notifying = False
    with agent.run() as running:
        await punch(agent, gate, "15", [b"user 15\n"], "UNKNOWN\n", "after the agent was killed")
        must(await asyncio.to_thread(running.stop) == 0, "the agent did not stop in order")
    numbers = [reading[1] for reading in agent.readings()]
    must(numbers == ["7", *map(str, range(8, 16))], f"in the journal: {numbers}")


async def badges(folder):
    badge = Thing("D0:00:00:00:00:07", "Badge", manufacturer={APPLE: BADGE})
    finder = Thing("D0:00:00:00:00:08", "Keys", manufacturer={APPLE: bytes([0x12, 0x19]) + bytes(25)})
    bluez, agent = Bluez(badge, finder), Agent(folder, BADGES)
    badge.gone = True
    await bluez.start()
    with agent.run():
        await until(lambda: bluez.adapter.discovering, "it does not scan")
        badge.gone = False
        await until(lambda: agent.readings() == [("badge", BADGE_ID, "proximity", "ibeacon")], "a badge that comes")
        await asyncio.sleep(4)
        must(len(agent.readings()) == 1, "a badge that stays came twice")
        badge.gone = True
        await asyncio.sleep(11)
        badge.gone = False
        await until(lambda: len(agent.readings()) == 2, "a badge that was away")

        # Not even passing devices are heard: the scan hangs.
        bluez.deaf, bluez.calls, bluez.switched = True, [], []
        await until(lambda: bluez.calls[:2] == ["StopDiscovery", "StartDiscovery"], "the scan is not started anew")
        await until(lambda: bluez.switched[:2] == [False, True], "the adapter is not switched off and on")
        bluez.deaf = False
        badge.gone = True
        await asyncio.sleep(11)
        badge.gone = False
        await until(lambda: len(agent.readings()) == 3, "a badge after the silence")
        bluez.stop()
        await asyncio.sleep(12)
        await bluez.start()
        await until(lambda: bluez.adapter.discovering, "it does not scan after the daemon was restarted")
        await asyncio.sleep(6)
        must(len(agent.readings()) == 3, "who could not be heard came again without having been away")
        badge.gone = True
        await asyncio.sleep(11)
        badge.gone = False
        await until(lambda: len(agent.readings()) == 4, "a badge after the daemon was restarted")
    must(all(reading == ("badge", BADGE_ID, "proximity", "ibeacon") for reading in agent.readings()), "only the badge")


async def discover(folder):
    gate = Thing(GATE, "Gate \x1b[31m", [NUS])
    badge = Thing("D0:00:00:00:00:07", "Badge", manufacturer={APPLE: BADGE})
    bluez, agent = Bluez(gate, badge), Agent(folder, "")
    await bluez.start()
    words = [binary("punchd"), "devices", "discover", "--config", agent.config]
    found = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60)
    must(GATE in found.stdout, f"the gate is not listed: {found.stdout!r} {found.stderr!r}")
    must("f7826da6-4fa2-4e98-8024-bc5b71e0893e" in found.stdout, f"the badge is not listed: {found.stdout!r}")
    must("\x1b[31m" not in found.stdout, "a name from the air moves the terminal's cursor")
    bluez.stop()
    found = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60)
    must(found.returncode == 0 and GATE not in found.stdout, f"without Bluetooth: {found.stdout!r} {found.stderr!r}")


def main():
    check = {"terminal": terminal, "badges": badges, "discover": discover}[sys.argv[1]]
    with PrivateBus(), tempfile.TemporaryDirectory(prefix="punchd-peers-") as folder:
        asyncio.run(check(folder))


if __name__ == "__main__":
    main()
