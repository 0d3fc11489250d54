"""What the full guest does: a Bluetooth terminal, a typing reader and a wall reader punch through BlueZ and the kernel into the
agent's journal.

Runs as root inside the machine; its lines are the checks.
"""

import collections
import json
import os
import queue
import subprocess
import threading
import time

from checks import Checks, must
from journal import Journal
from keyboard import Keyboard
from wires import Wires

# People by what they present: ids over the air, cards as ten decimal digits of their bytes.
OVER_THE_AIR = [f"7{number:03}" for number in range(1, 16)]
TYPED = {f"{number:010}": f"{number:08X}" for number in range(7625328, 7625340)}
WIRED = [f"{0x04A1B200 + number:08X}" for number in range(40)]
AIR_LOG = "/run/ble_terminal.log"
READER = ("LAB CARD READER", 0x1234, 0x5678)


def run(*words, within=60):
    said = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=within, check=False)
    return said.returncode, said.stdout


def wait(held, within, otherwise):
    end = time.monotonic() + within
    while not held():
        must(time.monotonic() < end, f"{otherwise} within {within} s\n{log()}")
        time.sleep(0.5)


def log():
    units = run("journalctl", "--no-pager", "-o", "short-monotonic", "-n", "40", "-u", "punchd", "-u", "bluetooth")[1]
    return units + run("tail", AIR_LOG)[1]


class BleTerminal:
    """The program beside this one. What it was told is noted here, outside the agent."""

    def __init__(self):
        words = ["python3", os.path.join(os.path.dirname(__file__), "ble_terminal.py")]
        with open(AIR_LOG, "w", encoding="utf-8") as said:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
        must(self.process.stdout.readline().strip() == "ready", "the Bluetooth terminal does not start")
        self.receipts, self.repeats, self.told = [], 0, queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            credential, _, answer = line.rstrip("\n").partition("\t")
            if credential == "again":
                self.repeats += 1
            else:
                self.receipts.append((credential, answer))

    def punch(self, credential):
        self.process.stdin.write(credential + "\n")
        self.process.stdin.flush()

    def done(self):
        return [credential for credential, _ in self.receipts]


class Agent:
    """The unit as it is shipped, allowed to use input devices and Bluetooth."""

    def __init__(self):
        self.journal = Journal("/var/lib/punchd", "/usr/bin/punchd", "/etc/punchd/punchd.toml")

    def start(self):
        code, said = run("systemctl", "start", "punchd", within=120)
        must(code == 0, f"the agent does not start: {said}\n{log()}")

    def freeze(self, frozen):
        """The agent gets no processor, as when the machine is busy."""
        run("systemctl", "kill", "--signal", "SIGSTOP" if frozen else "SIGCONT", "punchd")

    def works(self, device):
        _, said = run("punchd", "--json", "status")
        return json.loads(said)["health"].get(f"device:{device}", {}).get("condition") == "working"

    def readings(self, device):
        return collections.Counter(credential for (credential,) in self.journal.of(device, "credential").elements())

    def punches(self):
        rows = "SELECT p.userid FROM verdict v JOIN person p USING (person) WHERE v.outcome = 0"
        return collections.Counter(userid for (userid,) in self.journal.rows(rows))


def bluetooth_up():
    run("modprobe", "hci_vhci")
    terminal = BleTerminal()
    wait(lambda: os.path.exists("/sys/class/bluetooth/hci0"), 30, "no adapter")
    # The kernel asks its new controller much, and gives it up if it is disturbed meanwhile.
    time.sleep(10)
    run("systemctl", "start", "bluetooth")
    wait(lambda: "succeeded" in run("bluetoothctl", "power", "on")[1], 60, "the adapter cannot be switched on")
    return terminal


def typed(agent, keyboard, cards):
    """Each card once, when the one before has been answered. The answers: for how long the reader's light was on."""
    answers = []
    for card in cards:
        keyboard.present(card)
        answers.append(keyboard.lit(30))
        must(agent.readings("desk")[TYPED[card]], f"the typed card {card} is not in the journal\n{log()}")
    return answers


def missing(agent, device, cards):
    readings = agent.readings(device)
    return [card for card in cards if not readings[card]]


def on_the_wires(agent, wires, cards):
    """Each card once, as fast as people follow each other at their fastest. An emulated machine that gets no processor for a while
    loses edges before the kernel has them: whoever was not heard comes again, as people do."""
    for _ in range(5):
        cards = missing(agent, "wall", cards)
        for card in cards:
            wires.present(card)
            time.sleep(0.15)
        time.sleep(2)
    still = missing(agent, "wall", cards)
    must(not still, f"not in the journal: {still}\n{log()}")


def while_frozen(agent, wires, cards):
    """The cards come while the agent has no processor, so that their edges wait in the kernel. Whether all were heard."""
    agent.freeze(True)
    for card in cards:
        wires.present(card)
        time.sleep(0.15)
    agent.freeze(False)
    time.sleep(3)
    return not missing(agent, "wall", cards)


def main():
    check, agent = Checks(), Agent()
    run("modprobe", "uinput")
    terminal, keyboard = bluetooth_up(), Keyboard(*READER)
    wires = Wires()
    agent.start()

    wait(lambda: agent.works("wall"), 60, "the wall reader does not work")
    on_the_wires(agent, wires, WIRED[:15])
    check("a wall reader's cards go over the kernel's GPIO lines into the journal", True)
    rounds = [WIRED[first : first + 5] for first in (15, 20, 25)]
    heard = [while_frozen(agent, wires, cards) for cards in rounds]
    check("cards whose edges waited in the kernel are in the journal", any(heard), log())

    wait(lambda: agent.works("desk"), 60, "the keyboard reader does not work")
    answers = typed(agent, keyboard, [*TYPED][:4])
    check("a typing reader's cards are in the journal", True)

    for credential in OVER_THE_AIR[:5]:
        terminal.punch(credential)
    wait(lambda: len(terminal.done()) == 5, 90, "the Bluetooth terminal's punches have no receipts")
    check("a Bluetooth terminal's punches go through BlueZ into the journal, and its receipts come back", True)

    for credential in OVER_THE_AIR[5:10]:
        terminal.punch(credential)
    run("systemctl", "restart", "bluetooth")
    wait(lambda: len(terminal.done()) == 10, 120, "after bluetoothd was restarted there are no more receipts")
    check("bluetoothd is restarted in the middle, and its punches have their receipts", True)

    run("systemctl", "stop", "bluetooth")
    keyboard.unplug()
    terminal.punch(OVER_THE_AIR[10])
    wait(lambda: not agent.works("desk"), 60, "the agent does not notice that the reader is gone")
    time.sleep(5)
    run("systemctl", "start", "bluetooth")
    run("bluetoothctl", "power", "on")
    keyboard = Keyboard(*READER)
    wait(lambda: agent.works("desk"), 60, "the replugged reader does not work")
    answers += typed(agent, keyboard, [*TYPED][4:])
    check("the reader is unplugged and plugged in again, and its cards are in the journal", True)
    for credential in OVER_THE_AIR[11:]:
        terminal.punch(credential)
    wait(lambda: len(terminal.done()) == len(OVER_THE_AIR), 120, "after bluetoothd was away there are no more receipts")
    check(f"bluetoothd is away for a while, and all punches have their receipts ({terminal.repeats} were repeated)", True)

    on_the_wires(agent, wires, WIRED)
    at_the_wall = agent.readings("wall")
    wrong = [f"{card} is there {at_the_wall[card]} times" for card in WIRED if at_the_wall[card] != 1]
    check("each card at the wall is one reading", not wrong, wrong)

    # Short flashes say unknown, already there or refused.
    check("and each was answered by the reader's light, once and long", all(lit and lit > 0.5 for lit in answers), answers)
    at_desk = agent.readings("desk")
    cards = {*TYPED.values()}
    wrong = [f"{card} is there {at_desk[card]} times" for card in {*cards, *at_desk} if at_desk[card] != (card in cards)]
    check("each typed card is one reading", not wrong, wrong)
    punches = agent.punches()
    due = {f"of-{credential}" for credential in (*OVER_THE_AIR, *cards, *WIRED)}
    wrong = [f"{person} has {punches[person]} punches" for person in {*due, *punches} if punches[person] != (person in due)]
    check(f"each of {len(due)} people has punched once", not wrong, wrong)
    complaints = agent.journal.complaints()
    check("the chain verifies", not complaints, complaints)
    check.end()


if __name__ == "__main__":
    main()
