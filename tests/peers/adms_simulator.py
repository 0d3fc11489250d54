"""ADMSDeviceSimulator delivers to the agent's push server, and every punch is in the journal once.

Each firmware profile under a serial number of its own: live, offline and back, with commands in between, everything sent
again, and the agent killed and started again while the terminal is offline.
"""

import collections
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime, timedelta

import requests
from fingerprint_attendance.testing import ADMSDeviceSimulator
from program import Program, binary, must

PROFILES = ("legacy", "push2", "biodata")


class Client:
    """What the simulator wants of a client, over HTTP."""

    def __init__(self, server):
        self.server = server
        self.session = requests.Session()

    def get(self, url, params=None, **_):
        return self.session.get(self.server + url, params=params, timeout=60)

    def post(self, url, data=b"", content_type="text/plain", **_):
        return self.session.post(self.server + url, data=data, headers={"Content-Type": content_type}, timeout=60)


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return free.getsockname()[1]


class Agent:
    """`punchd run` with a journal in a folder of its own."""

    def __init__(self, folder, profiles):
        self.folder, self.port = folder, free_port()
        self.config = os.path.join(folder, "punchd.toml")
        devices = "".join(
            f'[[device]]\nname = "{profile}"\nkind = "zkteco-push"\nlisten = "127.0.0.1:{self.port}"\n'
            f'serial = "PEER-{profile}"\ndelay = "2s"\ncount_from = 2000-01-01\n\n'
            for profile in profiles
        )
        person = '[[person]]\nuserid = "zhangsan"\nname = "张三"\nuser_ids = ["1001"]\n'
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(f'[gateway]\nzone = "Asia/Shanghai"\ndata = "{folder}/data"\nlog = "error"\n\n{devices}{person}')

    def run(self):
        return Program("punchd", "run", "--config", self.config)

    def answers(self):
        """Waits until its push server takes connections."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("the agent's push server does not answer within 30 s")

    def readings(self):
        """Device, user id and time of every reading."""
        with closing(sqlite3.connect(f"file:{self.folder}/data/journal.db?mode=ro", uri=True)) as journal:
            return collections.Counter(
                journal.execute("SELECT d.name, credential, terminal_time FROM reading JOIN device d USING (device)")
            )

    def chain_holds(self):
        said = subprocess.run([binary("punchd"), "verify", "--config", self.config], capture_output=True, timeout=60)
        return said.returncode == 0


def taken(answers, what):
    """Every answer is the OK that a terminal waits for, and there is one."""
    must(answers and all(answer.status == 200 and answer.text.startswith("OK") for answer in answers), f"{what}: {answers}")


def run_commands(device):
    """Does what the agent asks for, until it asks for nothing more."""
    for _ in range(50):
        done = device.run_commands()
        # A query makes it send its whole log again.
        device.upload_pending()
        if not done:
            break
    must(not device.pending(), f"{device.firmware}: punches are still pending after the agent's queries")


def first_day(device, start):
    options = device.handshake()
    must(options.get("Realtime") == "1", f"{device.firmware}: the agent's options {options}")
    for minute in range(20):
        device.punch(str(1001 + minute % 5), start + timedelta(minutes=minute), status=minute % 2)
    must(not device.pending(), f"{device.firmware}: live punches are still pending")

    device.go_offline()
    for minute in range(700):
        device.punch(str(1001 + minute % 5), start + timedelta(hours=1, minutes=minute))
    must(len(device.pending()) == 700, f"{device.firmware}: punches while offline were not kept")
    taken(device.go_online(), f"{device.firmware} comes back")
    must(not device.pending(), f"{device.firmware}: punches are still pending after it came back")

    taken([device.push_user("1001", "Zhang San")], f"{device.firmware}: a user")
    taken([device.enroll_at_device("1002", 1, b"template")], f"{device.firmware}: an enrolment")
    run_commands(device)
    must(device.ping().status == 200, f"{device.firmware}: ping")


def everything_again(device):
    device.uploaded = 0
    taken(device.upload_pending(), f"{device.firmware}: everything again")


def offline_punches(device, start):
    device.go_offline()
    for minute in range(30):
        device.punch(str(1001 + minute % 3), start + timedelta(days=1, minutes=minute), status=1)


def all_there_once(agent, devices, when):
    expected = collections.Counter(
        (device.firmware, punch.pin, punch.when.isoformat()) for device in devices for punch in device.log
    )
    found = agent.readings()
    must(found == expected, f"{when}: missing {expected - found}, too many {found - expected}")


def main():
    profiles = sys.argv[1:] or PROFILES
    with tempfile.TemporaryDirectory(prefix="punchd-peers-") as folder:
        agent = Agent(folder, profiles)
        client = Client(f"http://127.0.0.1:{agent.port}")
        devices = [ADMSDeviceSimulator(client, serial=f"PEER-{profile}", firmware=profile) for profile in profiles]
        start = datetime(2026, 1, 5, 8, 0, 0)
        with agent.run() as running:
            agent.answers()
            for device in devices:
                first_day(device, start)
            all_there_once(agent, devices, "after the first day")
            for device in devices:
                everything_again(device)
                offline_punches(device, start)
            # As a power cut would end it: with no word to anybody.
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
        with agent.run() as running:
            agent.answers()
            for device in devices:
                device.client.session.close()
                taken(device.go_online(), f"{device.firmware} comes back after the agent was killed")
                run_commands(device)
                everything_again(device)
            all_there_once(agent, devices, "after the agent was killed")
            must(running.stop() == 0, "the agent did not stop in order")
        must(agent.chain_holds(), "the chain of readings is broken")


if __name__ == "__main__":
    main()
