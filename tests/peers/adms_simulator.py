"""An ADMS terminal that others wrote, against a punchd push listener.

Needs `django-fingerprint-attendance==0.1.0` and Django 5.2 importable (facts/terminals.md F). Plays every firmware profile
of its simulator under one serial number each (`SN-legacy`, `SN-push2`, `SN-biodata`, or exactly SN with --profile): online,
offline, online again, with commands run in between. Prints one JSON line for every punch that must have arrived, once.
"""

import argparse
import json
import sys
from datetime import datetime, timedelta

import requests
from fingerprint_attendance.testing import ADMSDeviceSimulator

PROFILES = ("legacy", "push2", "biodata")


class Client:
    """What the simulator wants of a client, over HTTP."""

    def __init__(self, server):
        self.server = server.rstrip("/")
        self.session = requests.Session()

    def get(self, url, params=None, **_):
        return self.session.get(self.server + url, params=params, timeout=60)

    def post(self, url, data=b"", content_type="text/plain", **_):
        return self.session.post(self.server + url, data=data, headers={"Content-Type": content_type}, timeout=60)


def must(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def play(server, serial, profile):
    device = ADMSDeviceSimulator(Client(server), serial=serial, firmware=profile)
    # Every profile has its own day, so that one listener can take them one after the other.
    start = datetime(2026, 1, 5, 8, 0, 0) + timedelta(days=PROFILES.index(profile))
    options = device.handshake()
    must(options.get("Realtime") == "1", f"{profile}: handshake options {options}")
    for minute in range(20):
        device.punch(str(1001 + minute % 5), start + timedelta(minutes=minute), status=minute % 2)
    must(not device.pending(), f"{profile}: live punches are still pending")

    device.go_offline()
    for minute in range(700):
        device.punch(str(1001 + minute % 5), start + timedelta(hours=1, minutes=minute))
    must(len(device.pending()) == 700, f"{profile}: punches while offline were not kept")
    answers = device.go_online()
    must(all(answer.status == 200 and answer.text.startswith("OK") for answer in answers), f"{profile}: {answers}")
    must(not device.pending(), f"{profile}: punches are still pending after the catch-up")

    must(device.push_user("1001", "Zhang San").text.startswith("OK"), f"{profile}: a user was not taken")
    must(device.enroll_at_device("1002", 1, b"template").text.startswith("OK"), f"{profile}: an enrolment was not taken")
    executed = []
    for _ in range(50):
        commands = device.run_commands()
        # A query makes it send its whole log again.
        device.upload_pending()
        executed += commands
        if not commands:
            break
    must(not device.pending(), f"{profile}: punches are still pending after the queries")
    must(device.ping().status == 200, f"{profile}: ping")
    for punch in device.log:
        print(json.dumps({"profile": profile, "serial": serial, "pin": punch.pin, "time": punch.when.isoformat()}))
    print(f"{profile}: {len(device.log)} punches, commands: {executed}", file=sys.stderr)


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--server", required=True, help="such as http://127.0.0.1:8081")
    words.add_argument("--serial", required=True)
    words.add_argument("--profile", choices=PROFILES, help="only this one, under exactly this serial number")
    chosen = words.parse_args()
    if chosen.profile:
        play(chosen.server, chosen.serial, chosen.profile)
        return
    for profile in PROFILES:
        play(chosen.server, f"{chosen.serial}-{profile}", profile)


if __name__ == "__main__":
    main()
