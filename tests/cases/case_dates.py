"""A terminal's date is a claim: neighbours of a clock that was lost, generated from a seed (CASE_SEED)."""

import datetime
import random

from ends import *
from runner import case, seed

ANN = user72(1, b"1001", b"Ann")
# Twice a day from 60 to 31 days ago, and from 9 to 3 days ago.
BEFORE = [at(-d, h, d % 30, 0) for d in range(60, 30, -1) for h in (8, 17)]
AFTER = [at(-d, h, 0, d) for d in range(9, 2, -1) for h in (8, 17)]


def twice_a_day(first, days):
    return [first + datetime.timedelta(days=d, hours=h) for d in range(days) for h in (0, 9)]


def shown(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S")


def only_the_true_ones(gateway, good, false, limit=15):
    """What is dated right arrives, what is dated wrong is held with a reason."""
    gateway.settle(len(good) + len(false), limit)
    expect("WeCom holds", sorted(said("ann", x) for x in good), gateway.wecom())
    listed = {h["seq"] for h in gateway.json("punches", "held")}
    rows = [p for p in gateway.punches() if p["outcome"] == "held" and p["reason"] and p["seq"] in listed]
    expect("held, with a reason", sorted(map(shown, false)), sorted((p["terminal_time"] or "")[:19] for p in rows))


@case("frappe/biometric-attendance-sync-tool issue #80, for three weeks")
def dates_of_2015_for_three_weeks():
    """After a power cut the terminal counted from 1 January 2015, and nobody noticed for three weeks; then
    it was set right. Right: the 42 punches of these weeks are held, all others arrive."""
    false = twice_a_day(datetime.datetime(2015, 1, 1, 8, 3), 21)
    t = Terminal([ANN], [rec40(b"1001", x) for x in BEFORE + false + AFTER])
    with Gateway(pull("gate", t), person("ann", "1001")) as gateway:
        only_the_true_ones(gateway, BEFORE + AFTER, false)


@case("frappe/biometric-attendance-sync-tool issue #80, by push")
def dates_of_2015_by_push():
    """The same over a terminal that calls, in bodies of twenty lines. Right: as above."""
    false = twice_a_day(datetime.datetime(2015, 1, 1, 8, 3), 21)
    p, log = Push(), BEFORE + false + AFTER
    with Gateway(p.block, person("ann", "1001")) as gateway:
        p.hello()
        for i in range(0, len(log), 20):
            p.att("".join(line(1001, x) for x in log[i : i + 20]))
        only_the_true_ones(gateway, BEFORE + AFTER, false)


@case("frappe/biometric-attendance-sync-tool issue #80, the clock ran ahead")
def dates_that_ran_ahead():
    """For five days the clock stood twenty days ahead, then it was set right, so that what came afterwards
    is earlier than what came before. Right: nothing at a false time, and each is in WeCom or held."""
    true = twice_a_day(at(-50), 5)
    ahead = [x + datetime.timedelta(days=20, minutes=1) for x in twice_a_day(at(-45), 5)]
    later = twice_a_day(at(-40), 30)
    t = Terminal([ANN], [rec40(b"1001", x) for x in true + ahead + later])
    with Gateway(pull("gate", t), person("ann", "1001")) as gateway:
        got = gateway.settle(len(true + ahead + later), 15).wecom()
        false = set(got) - {said("ann", x) for x in true + later}
        check("nothing at a false time", not false, sorted(false)[:4])
        held = len(gateway.json("punches", "held"))
        expect("in WeCom or held", len(true + ahead + later), len(got) + held)
        check("what came before the fault in WeCom", {said("ann", x) for x in true} <= set(got), got[:4])


@case("frappe/biometric-attendance-sync-tool issue #80, anywhere", limit=90)
def dates_lost_anywhere():
    """Four terminals, each with its own false run of a random length at a random place and date, by pull.
    Right: the false ones are held, all others arrive."""
    draw, sites, blocks = seed(), [], ""
    for n in range(4):
        log = [at(-d, 8, n, d) for d in range(40, 2, -1)]
        place, length = draw.randrange(1, len(log) - 1), draw.randrange(1, 9)
        first = datetime.datetime(draw.randrange(2000, 2025), draw.randrange(1, 13), draw.randrange(1, 29), 7, n)
        false = [first + datetime.timedelta(hours=5 * i) for i in range(length)]
        lost = range(place, min(place + length, len(log) - 1))
        good = [x for i, x in enumerate(log) if i not in lost]
        records = log[:place] + false[: len(lost)] + log[lost.stop :]
        t = Terminal([ANN], [rec40(b"1001", x) for x in records], serial=b"OKX%04d" % n)
        sites.append((good, false[: len(lost)]))
        blocks += pull(f"gate{n}", t)
    with Gateway(blocks, person("ann", "1001")) as gateway:
        only_the_true_ones(gateway, [x for g, _ in sites for x in g], [x for _, f in sites for x in f], 25)


@case("frappe/biometric-attendance-sync-tool issue #64: summer time ends in Europe")
def dates_of_a_repeated_hour_in_berlin():
    """Berlin, 26 October 2025: the hour from 02:00 is passed twice. Right: each at its true time, or held;
    none lost."""
    repeated_hour("Europe/Berlin", (2025, 10, 26), 2, 2)


@case("the opposite of the cases above: what must not be held by a cure")
def dates_out_of_order_by_a_little():
    """Two doors of one terminal note their people seconds apart in the wrong order, and an old log has gaps
    of months. Right: all arrive."""
    times = [at(-300), at(-299), at(-120), at(-30, 8, 0, 9), at(-30, 8, 0, 7), at(-30, 8, 0, 8), at(-1), at(-1, 17)]
    t = Terminal([ANN], [rec40(b"1001", x) for x in times])
    with Gateway(pull("gate", t), person("ann", "1001")) as gateway:
        expect("WeCom holds", sorted(said("ann", x) for x in times), gateway.settle(8).wecom())
