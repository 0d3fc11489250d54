"""Times how long pyzk takes to parse a terminal's log: pyzk_log.py FILE RECORDS_AT_ONCE.

The file holds records of 40 bytes. pyzk's own get_attendance runs over them; only what it asks of the network is answered from
memory. The terminal has no users, which is pyzk's best case.
Prints the seconds of its parsing alone, the number of records, and the first and the last one.
"""
import struct
import sys
import time

from zk import ZK


class FromMemory(ZK):
    def __init__(self, body):
        super().__init__("127.0.0.1", ommit_ping=True)
        self.body = body

    def read_sizes(self):
        self.records = len(self.body) // 40

    def get_users(self):
        return []

    def read_with_buffer(self, command, fct=0, ext=0):
        whole = struct.pack("<I", len(self.body)) + self.body
        return whole, len(whole)


def main():
    with open(sys.argv[1], "rb") as file:
        log = file.read()
    size = int(sys.argv[2]) * 40
    terminals = [FromMemory(log[at:at + size]) for at in range(0, len(log), size)]
    start = time.perf_counter()
    found = [terminal.get_attendance() for terminal in terminals]
    seconds = time.perf_counter() - start
    found = [record for part in found for record in part]
    shown = [f"{record.user_id},{record.timestamp.isoformat()}" for record in (found[0], found[-1])]
    print(seconds, len(found), *shown)


main()
