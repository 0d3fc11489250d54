"""A virtual pull terminal with a comm key refuses pyzk with another one, and takes it with the right one afterwards."""

import sys

from program import PullTerminal, must
from zk import ZK
from zk.exception import ZKErrorResponse


def main():
    udp = "--udp" in sys.argv
    with PullTerminal("--users", 3, "--comm-key", "135790", *["--udp"] * udp) as terminal:
        for wrong in (0, 1, 135791, 999999):
            zk = ZK(terminal.host, port=terminal.port, timeout=10, password=wrong, force_udp=udp, ommit_ping=True)
            try:
                zk.connect()
                must(False, f"the key {wrong} was taken")
            except ZKErrorResponse as refusal:
                must("Unauthenticated" in str(refusal), f"the key {wrong}: {refusal}")
            # It does not ask for anything that it may not have, unless it is made to.
            zk.is_connect = True
            try:
                zk.get_time()
                must(False, "somebody without the key was told the time")
            except ZKErrorResponse:
                pass
            zk._ZK__sock.close()
        zk = ZK(terminal.host, port=terminal.port, timeout=10, password=135790, force_udp=udp, ommit_ping=True)
        connection = zk.connect()
        must(len(connection.get_users()) == 3, "the right key does not lead to the people")
        connection.disconnect()


if __name__ == "__main__":
    main()
