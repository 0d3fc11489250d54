"""What a virtual terminal must hold, told without asking it: the people that `punchd-sim people` invents, and the past that
these people have by the rule of the simulator (tests/sim/src/history.rs), written here a second time."""

import csv
import io
import subprocess
from datetime import datetime, timedelta, timezone

from program import binary

SHANGHAI = 8 * 3600
DAY = 86_400
COMING = (500 * 60, 50 * 60)
LEAVING = (1070 * 60, 90 * 60)
WORD = (1 << 64) - 1


def people(count):
    """Name and user id of each, in the order of their places on the terminal, which count from 1."""
    if not count:
        return []
    table = subprocess.run([binary("punchd-sim"), "people", str(count)], capture_output=True, check=True, timeout=60)
    return [(row["name"], row["user_id"]) for row in csv.DictReader(io.StringIO(table.stdout.decode()))]


def scattered(day, person, which, width):
    x = ((day * 0x9E3779B97F4A7C15) & WORD) ^ ((person << 1) | which)
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return (x ^ (x >> 31)) % width


def log(users, records, before):
    """User id and local time of the last so many punches before a second of Unix time, oldest first."""
    punches, day = [], (before + SHANGHAI) // DAY
    while users and len(punches) < records:
        if (day + 4) % 7:
            midnight = day * DAY - SHANGHAI
            for person in range(users):
                coming = midnight + COMING[0] + scattered(day, person, 0, COMING[1])
                leaving = midnight + LEAVING[0] + scattered(day, person, 1, LEAVING[1])
                punches += [(at, person) for at in (coming, leaving) if at < before]
        day -= 1
    punches.sort()
    shown = timezone(timedelta(seconds=SHANGHAI))
    last = punches[len(punches) - records :] if records else []
    return [(str(1001 + person), datetime.fromtimestamp(at, shown).replace(tzinfo=None)) for at, person in last]


def logs(users, records, earliest, latest):
    """The logs of a terminal that was started between these two seconds: mostly one, two if somebody punched between."""
    different = []
    for second in range(int(earliest), int(latest) + 2):
        one = log(users, records, second)
        if one not in different:
            different.append(one)
    return different
