"""pyzk asks a virtual pull terminal what it is, sets its clock, writes and removes people, and empties its log."""

import sys
from datetime import datetime, timedelta

from program import PullTerminal, must
from zk import ZK


def main():
    udp = "--udp" in sys.argv
    with PullTerminal("--users", 5, "--records", 300, "--serial", "PEER0001", *["--udp"] * udp) as terminal:
        zk = ZK(terminal.host, port=terminal.port, timeout=10, force_udp=udp, ommit_ping=True)
        connection = zk.connect()
        must(connection.get_serialnumber() == "PEER0001", "its serial number")
        must(connection.get_firmware_version().startswith("Ver "), "its firmware")
        must(connection.get_mac().count(":") == 5, "its MAC address")
        must(bool(connection.get_platform()), "its platform")
        must(connection.test_voice(), "its voice")
        must(connection.unlock(), "its door")

        wanted = datetime(2027, 2, 28, 23, 59, 30)
        connection.set_time(wanted)
        now = connection.get_time()
        must(wanted <= now <= wanted + timedelta(seconds=20), f"set to {wanted}, its clock shows {now}")

        connection.get_users()
        connection.set_user(uid=77, name="周小川", privilege=14, user_id="222222cb", card=4_000_000_000)
        written = {user.uid: user for user in connection.get_users()}
        must(len(written) == 6, f"{len(written)} people after one was added to five")
        new = written[77]
        must((new.name, new.user_id, new.card, new.privilege) == ("周小川", "222222cb", 4_000_000_000, 14), f"{new}")
        connection.set_user(uid=77, name="周大川", user_id="222222cb")
        renamed = [user.name for user in connection.get_users() if user.uid == 77]
        must(renamed == ["周大川"], f"renamed: {renamed}")
        connection.delete_user(uid=77)
        must([user.uid for user in connection.get_users()] == [1, 2, 3, 4, 5], "somebody is left or missing")

        must(len(connection.get_attendance()) == 300, "the log before")
        connection.clear_attendance()
        must(connection.get_attendance() == [], "the log after it was cleared")
        connection.disconnect()


if __name__ == "__main__":
    main()
