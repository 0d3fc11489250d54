"""pyzk sees punches as they happen, and finds the same ones in the log afterwards."""

import argparse
from datetime import datetime, timedelta, timezone

from program import PullTerminal, must, same
from zk import ZK

SHANGHAI = timezone(timedelta(hours=8))
PEOPLE = 6
WANTED = 9


def shown():
    """What a clock in the terminal's zone shows."""
    return datetime.now(SHANGHAI).replace(tzinfo=None)


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--udp", action="store_true")
    words.add_argument("--record-size", type=int, default=40)
    words.add_argument("--comm-key", type=int, default=0)
    chosen = words.parse_args()

    device = ["--users", PEOPLE, "--record-size", chosen.record_size, "--comm-key", chosen.comm_key]
    with PullTerminal(*device, "--punch-every", "0.2", *["--udp"] * chosen.udp) as terminal:
        zk = ZK(terminal.host, port=terminal.port, timeout=20, password=chosen.comm_key, force_udp=chosen.udp,
                ommit_ping=True)
        connection = zk.connect()
        before, seen = shown() - timedelta(seconds=2), []
        for event in connection.live_capture(new_timeout=10):
            must(event is not None, f"no event for 10 s after {len(seen)}")
            seen.append(event)
            if len(seen) == WANTED:
                break
        after = shown() + timedelta(seconds=2)
        connection.disconnect()
        # Events may still lie in the line of that conversation; the log is read in another.
        connection = zk.connect()
        log = connection.get_attendance()
        connection.disconnect()

    first = int(seen[0].user_id) - 1001
    same([event.user_id for event in seen], [str(1001 + (first + n) % PEOPLE) for n in range(WANTED)], "who punched")
    same([event.uid for event in seen], [1 + (first + n) % PEOPLE for n in range(WANTED)], "their places")
    for event in seen:
        must(before <= event.timestamp <= after, f"an event of {event.timestamp}, seen at {after}")
        must((event.status, event.punch) == (1, 0), f"verify and state are {event.status} and {event.punch}")
    kept = [(record.user_id, record.timestamp) for record in log]
    seen = [(event.user_id, event.timestamp) for event in seen]
    start = kept.index(seen[0]) if seen[0] in kept else 0
    same(kept[start : start + WANTED], seen, "the log, where the live events begin")


if __name__ == "__main__":
    main()
