"""pyzk reads the people and the log of a virtual pull terminal, and every name, id, time and status is right."""

import argparse
import struct
import time

from expected import logs, people
from program import PullTerminal, must, same
from zk import ZK, const
from zk.exception import ZKErrorResponse


def seconds(code):
    """A terminal's time by the rule of the protocol."""
    days, second = divmod(code, 86_400)
    months, day = divmod(days, 31)
    year, month = divmod(months, 12)
    return (2000 + year, month + 1, day + 1, *divmod(second // 60, 60), second % 60)


def decoded(body, size):
    """Records of 40 bytes and more, of which pyzk 0.9 knows only those of 40: user id, time, verify, state."""
    (length,) = struct.unpack("<I", body[:4])
    must(length == len(body) - 4, f"the leading length is {length}, {len(body) - 4} bytes follow")
    must(length % size == 0, f"{length} bytes are no whole records of {size}")
    for at in range(4, len(body), size):
        _, user_id, verify, code, state = struct.unpack("<H24sBIB", body[at : at + 32])
        yield user_id.split(b"\0")[0].decode(), seconds(code), verify, state


def decoded_rows(body, row_holders):
    """Records of 8 bytes as the machines write them that people have reported (pyzk #56, #92, #99): pyzk 0.9 reads the time one byte
    too early. They name a row; whose it is, the user list tells."""
    for at in range(4, len(body), 8):
        row, flags, zero, code = struct.unpack("<HBBI", body[at : at + 8])
        must(zero == 0, f"the byte before the time is {zero}")
        yield row_holders[row], seconds(code), flags & 15, flags >> 4


def plain_table(connection, command):
    """A table as terminals without buffered reads give it. pyzk has the parts for that, and no function."""
    connection._ZK__send_command(command, b"", 1024)
    table = connection._ZK__recieve_chunk()
    must(table is not None, f"command {command}: no table")
    connection.free_data()
    return table


def read_log(connection, chosen):
    """User id, time, verify and state of every record."""
    if chosen.plain:
        try:
            connection.get_attendance()
            must(False, "a terminal without buffered reads answered one")
        except ZKErrorResponse:
            pass
        body = plain_table(connection, const.CMD_ATTLOG_RRQ)
        return list(decoded(body, chosen.record_size))
    if chosen.record_size == 8:
        body, _ = connection.read_with_buffer(const.CMD_ATTLOG_RRQ)
        return list(decoded_rows(body, {user.uid: user.user_id for user in connection.get_users()}))
    if chosen.record_size > 40:
        body, _ = connection.read_with_buffer(const.CMD_ATTLOG_RRQ)
        return list(decoded(body, chosen.record_size))
    return [(r.user_id, r.timestamp.timetuple()[:6], r.status, r.punch) for r in connection.get_attendance()]


def names(connection, chosen):
    """Place, name and user id of everybody."""
    if not chosen.plain:
        return [(user.uid, user.name, user.user_id) for user in connection.get_users()]
    body = plain_table(connection, const.CMD_USERTEMP_RRQ)
    must(struct.unpack("<I", body[:4])[0] == len(body) - 4, "the leading length of the user table is wrong")
    users = []
    for at in range(4, len(body), 72):
        uid, name, user_id = struct.unpack("<H9x24s13x24s", body[at : at + 72])
        text = [field.split(b"\0")[0].decode(chosen.encoding, errors="ignore") for field in (name, user_id)]
        users.append((uid, *text))
    return users


def cut(name, chosen):
    """As much of a name as its field holds; pyzk drops half a character at the end."""
    room = 8 if chosen.user_size == 28 else 24
    return name.encode(chosen.encoding)[:room].decode(chosen.encoding, errors="ignore")


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--udp", action="store_true")
    words.add_argument("--plain", action="store_true")
    words.add_argument("--users", type=int, default=120)
    words.add_argument("--records", type=int, default=5000)
    words.add_argument("--record-size", type=int, default=40)
    words.add_argument("--user-size", type=int, default=72)
    words.add_argument("--comm-key", type=int, default=0)
    words.add_argument("--encoding", default="utf-8")
    chosen = words.parse_args()

    device = ["--users", chosen.users, "--records", chosen.records, "--comm-key", chosen.comm_key]
    device += ["--record-size", chosen.record_size, "--user-size", chosen.user_size, "--encoding", chosen.encoding]
    device += ["--udp"] * chosen.udp + ["--plain-reads"] * chosen.plain
    earliest = time.time()
    with PullTerminal(*device) as terminal:
        latest = time.time()
        zk = ZK(terminal.host, port=terminal.port, timeout=20, password=chosen.comm_key, force_udp=chosen.udp,
                ommit_ping=True, encoding=chosen.encoding)
        connection = zk.connect()
        found_people, found_log = names(connection, chosen), read_log(connection, chosen)
        connection.read_sizes()
        counted = (connection.users, connection.records)
        connection.disconnect()

    must(counted == (chosen.users, chosen.records), f"the terminal counts {counted}")
    enrolled = people(chosen.users)
    same(found_people, [(uid, cut(name, chosen), user_id) for uid, (name, user_id) in enumerate(enrolled, 1)], "people")
    possible = [
        [(user_id, at.timetuple()[:6], 1, 0) for user_id, at in log]
        for log in logs(chosen.users, chosen.records, earliest, latest)
    ]
    if found_log not in possible:
        same(found_log, possible[-1], "log")


if __name__ == "__main__":
    main()
