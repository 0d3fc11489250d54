"""A client for Node reads the people and the log of a virtual pull terminal, and every id and time is right: node_log.py PACKAGE.

These clients take one frame of each piece that the socket gives them and drop what follows in it, so that they get along with
terminals as slow as hardware is and with no others.
"""

import json
import os
import subprocess
import sys
import time

from expected import logs, people
from program import PullTerminal, must, same

HERE = os.path.dirname(os.path.abspath(__file__))
USERS, RECORDS = 120, 5000


def main():
    package = sys.argv[1]
    earliest = time.time()
    with PullTerminal("--users", USERS, "--records", RECORDS, "--frame-gap", 20) as terminal:
        latest = time.time()
        client = ["node", os.path.join(HERE, "node_client.js"), package, str(terminal.port)]
        # They read the terminal's clock as that of this machine.
        environment = {**os.environ, "TZ": "UTC"}
        said = subprocess.run(client, stdout=subprocess.PIPE, text=True, timeout=100, env=environment, check=True).stdout
    found = json.loads(said)
    must(found["error"] in ("", "null"), found["error"])
    must(found["counted"] == [USERS, RECORDS], f"the terminal counts {found['counted']}")
    enrolled = people(USERS)
    same(found["people"], [[uid, user_id] for uid, (_, user_id) in enumerate(enrolled, 1)], "people")
    possible = [
        [[user_id, at.isoformat(timespec="milliseconds") + "Z"] for user_id, at in log]
        for log in logs(USERS, RECORDS, earliest, latest)
    ]
    if found["records"] not in possible:
        same(found["records"], possible[-1], "log")


if __name__ == "__main__":
    main()
