"""A layout is a hypothesis: neighbours of logs that were cut into the wrong size, and of rows without an owner."""

import datetime

from ends import *
from runner import case, seed

PEOPLE = {1: ("ann", "1001"), 2: ("bob", "1002"), 3: ("cyd", "1003")}
PERSONS = "".join(person(*p) for p in PEOPLE.values())


def rec49(uid, user, t, verify=15):
    return struct.pack("<H24sBIB", uid, user, verify, t if isinstance(t, int) else number(t), 0) + bytes(17)


# How each layout writes a record, and its users.
LAYOUTS = {
    8: (lambda uid, user, t: rec8(uid, t), user28),
    16: (
        lambda uid, user, t: struct.pack("<IIBB2sI", int(user), t if isinstance(t, int) else number(t), 1, 0, b"", 0),
        user28,
    ),
    40: (
        lambda uid, user, t: (
            struct.pack("<H24sBIB", uid, user, 1, t if isinstance(t, int) else number(t), 0) + b"\0\0\0\0\xff\0\0\0"
        ),
        user72,
    ),
    49: (rec49, user72),
}


def enrolled(form):
    if form is user28:
        return [form(uid, int(user)) for uid, (_, user) in PEOPLE.items()]
    return [form(uid, user.encode()) for uid, (_, user) in PEOPLE.items()]


@case("frappe/biometric-attendance-sync-tool issue #80; pyzk pull request #247", limit=90)
def layouts_with_two_odd_records():
    """Logs of 8, 16, 40 and 49 bytes a record, each with ten records, of which one is of the year 2000 and
    one of a date that does not exist. The terminals count ten. Right: eight of each arrive, two are held."""
    blocks, want = "", []
    for size, (write, form) in LAYOUTS.items():
        times = [at(-12 + i, 8, size, i) for i in range(10)]
        odd = {3: number(datetime.datetime(2000, 1, 2, 0, 9)), 6: 0xFFFFFFF0}
        log = [write(1 + i % 3, PEOPLE[1 + i % 3][1].encode(), odd.get(i, t)) for i, t in enumerate(times)]
        expect("bytes of a record", size, len(log[0]))
        want += [said(PEOPLE[1 + i % 3][0], t) for i, t in enumerate(times) if i not in odd]
        blocks += pull(f"of{size}", Terminal(enrolled(form), log, serial=b"OKX%04d" % size))
    with Gateway(blocks, PERSONS) as gateway:
        expect("WeCom holds", sorted(want), gateway.settle(40, 25).wecom())
        expect("readings", 40, gateway.status()["journal"]["counts"]["readings"])
        expect("held", 8, len(gateway.json("punches", "held")))


@case("frappe/biometric-attendance-sync-tool issue #80, lengths that fit several sizes", limit=90)
def layouts_that_fit_several_sizes():
    """Logs of 2, 4 and 8 records of 40 bytes are as long as whole numbers of records of 8, 16 and 80 bytes;
    ten of 16 bytes are four of 40. Right: the terminal's count decides, and all arrive at their times."""
    blocks, want = "", []
    for n, (size, count) in enumerate(((40, 2), (40, 4), (40, 8), (16, 10), (8, 10), (49, 8))):
        write, form = LAYOUTS[size]
        times = [at(-12 + i, 9, n, i) for i in range(count)]
        log = [write(1 + i % 3, PEOPLE[1 + i % 3][1].encode(), t) for i, t in enumerate(times)]
        want += [said(PEOPLE[1 + i % 3][0], t) for i, t in enumerate(times)]
        blocks += pull(f"t{n}", Terminal(enrolled(form), log, serial=b"OKX%04d" % n))
    with Gateway(blocks, PERSONS) as gateway:
        expect("WeCom holds", sorted(want), gateway.settle(len(want), 25).wecom())


@case("pyzk issues #14, #52 (the row number of somebody deleted)")
def layouts_row_without_an_owner():
    """Records of 8 bytes name the row alone. Bob was deleted before the terminal was first read, and nobody
    has his row. Right: Ann's punch arrives, the other is nobody's and stays."""
    t = Terminal([user28(1, 1001)], [rec8(1, at(-2)), rec8(2, at(-1))])
    with Gateway(pull("old", t), PERSONS) as gateway:
        expect("WeCom holds", [said("ann", at(-2))], gateway.settle(2).wecom())
        expect("readings", 2, len(gateway.punches()))


@case("bulentv/js_zklib issue #53 (bodies that are no log)", limit=90)
def layouts_of_noise():
    """Four terminals answer the question for the log with random bytes as long as ten records of 8, 16, 40
    and 49 bytes, and count ten. Right: nothing is delivered, and each says so."""
    draw, blocks = seed(), ""
    for size in LAYOUTS:
        noise = [draw.randbytes(size) for _ in range(10)]
        form = LAYOUTS[size][1]
        blocks += pull(f"of{size}", Terminal(enrolled(form), noise, serial=b"OKX%04d" % size))
    with Gateway(blocks, PERSONS) as gateway:
        expect("WeCom holds", [], gateway.settle(1, 12).wecom())
        held = gateway.json("punches", "held")
        for size in LAYOUTS:
            name = f"of{size}"
            told = gateway.health(name)[0] in ("warning", "fault") or any(h.get("device") == name for h in held)
            check(f"{name}: a warning, a fault, or readings that are held", told, gateway.health(name))
