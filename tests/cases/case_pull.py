"""Terminals that punchd asks (port 4370)."""

from ends import *
from runner import case

ANN = user72(1, b"1001", b"Ann")


@case("pyzk issue #92 (MA300-BT)")
def pull_8_byte_records():
    """The punches of 17 June 2020 were shown as June 2026 by everybody who read the time one byte too
    early. Fed: the reporter's four records. Right: the time stands at byte 4, so 10:58:21, 11:00:33,
    11:01:52 and 11:04:34 of 2020-06-17 arrive, and nothing else."""
    times = [
        datetime.datetime(2020, 6, 17, 10, 58, 21),
        datetime.datetime(2020, 6, 17, 11, 0, 33),
        datetime.datetime(2020, 6, 17, 11, 1, 52),
        datetime.datetime(2020, 6, 17, 11, 4, 34),
    ]
    t = Terminal([user28(38, 38, b"Ann")], [rec8(38, x, 0x28) for x in times])
    with Gateway(pull("ma300", t), person("ann", "38")) as gateway:
        expect("WeCom holds", [said("ann", x) for x in times], gateway.settle(4).wecom())


@case("pyzk issues #56, #187 (8-byte records)")
def pull_8_byte_records_of_this_month():
    """As above with twenty days of this month, in and out. Right: all forty arrive at their times, and
    going out is going out."""
    times = [at(-d, h, m, d) for d in range(21, 1, -1) for h, m in ((7, 58), (17, 3))]
    t = Terminal([user28(38, 38, b"Ann")], [rec8(38, x, 0x01 if x.hour < 12 else 0x11) for x in times])
    with Gateway(pull("ma300", t), person("ann", "38")) as gateway:
        expect("WeCom holds", sorted(said("ann", x) for x in times), gateway.settle(40).wecom())
        expect("directions", ["in", "out"] * 20, [r["direction"] for r in gateway.export()])


GOOD = [at(-d, h, 0, d) for d in range(16, 3, -1) for h in (8, 17)]


@case("frappe/biometric-attendance-sync-tool issue #80")
def pull_clock_lost_for_an_hour():
    """After a power cut the terminal ran on a false date until somebody set it; people punched meanwhile,
    and their hours went into wrong days. Fed: good records, then one of 2000-01-01 and one of 200 days ago,
    then a good one. Right: the two are held with a reason and shown, the others arrive."""
    false = [datetime.datetime(2000, 1, 1, 0, 12, 7), at(-200, 9)]
    t = Terminal([ANN], [rec40(b"1001", x) for x in GOOD + false + [at(-1)]])
    with Gateway(pull("gate", t), person("ann", "1001")) as gateway:
        expect("WeCom holds", sorted(said("ann", x) for x in GOOD + [at(-1)]), gateway.settle(29).wecom())
        for x in false:
            check(f"{x} held, with a reason", gateway.held(x), gateway.outcomes()[-3:])


@case("frappe/biometric-attendance-sync-tool issue #80, with count_from")
def pull_false_date_before_count_from():
    """As above, where `count_from` is set. A punch of this week under a false date of 2000 must not be
    refused as "before the start": its owner loses it and nobody sees it. Right: held."""
    false = datetime.datetime(2000, 1, 1, 0, 12, 7)
    t = Terminal([ANN], [rec40(b"1001", x) for x in GOOD + [false, at(-1)]])
    with Gateway(pull("gate", t, count_from=at(-30).date()), person("ann", "1001")) as gateway:
        gateway.settle(28)
        check("2000-01-01 held", gateway.held(false), gateway.outcomes()[-2:])


@case("frappe/biometric-attendance-sync-tool issue #80, the clock was set back")
def pull_record_later_than_the_terminals_clock():
    """The terminal stands two hours behind, and its last record is an hour later than its own clock: the
    clock was set back since, and nothing tells when. `wrong_clock = "as-recorded"`. Right: that record is
    held, the others arrive."""
    false = now(-3600)
    t = Behind([ANN], [rec40(b"1001", x) for x in [*GOOD, false]])
    with Gateway(pull("gate", t, wrong_clock="as-recorded"), person("ann", "1001")) as gateway:
        expect("WeCom holds", [said("ann", x) for x in GOOD], gateway.settle(len(GOOD) + 1).wecom())
        check("the last held, with a reason", gateway.held(false), gateway.outcomes()[-2:])


@case("frappe/biometric-attendance-sync-tool issue #80, short logs")
def pull_record_size_with_a_false_date():
    """One false date in a short log made 40-byte records look like 80- or 120-byte ones, and other people's
    punches were skipped. Fed: six records, the second of 2000-01-01; the terminal counts six. Right: its
    count decides; five arrive, one is held."""
    times = [at(-6), datetime.datetime(2000, 1, 1, 0, 1), at(-5), at(-4), at(-3), at(-2)]
    t = Terminal([ANN], [rec40(b"1001", x) for x in times])
    with Gateway(pull("gate", t), person("ann", "1001")) as gateway:
        expect("WeCom holds", sorted(said("ann", x) for x in times if x.year > 2000), gateway.settle(6, 12).wecom())
        expect("readings", 6, gateway.status()["journal"]["counts"]["readings"])


@case("bulentv/js_zklib issue #53 (K40)")
def pull_body_that_is_no_log():
    """The plain question for the log was answered with a table of something else; its numbers became
    punches of the year 2000. Fed: the reporter's 124 bytes, count 15; people with ids 24, 10 and 72 exist.
    Right: nothing is delivered, and status says so."""
    body = bytes.fromhex(
        "7800000040d835802f330100d5dc0100df230100c9010200cb140100d1260200e50901004b4d0200c3fe0000b173020085f10000"
        "6d99020047e4000029bf020061d90000a3e5020019d10000c70c030001cc00005f2c0300d8020000"
        "18000000160000000a0000009a190000"
        "01340300f00200004800000000280300"
    )

    class T(Terminal):
        def answer(self, cmd, data):
            if cmd == 1503 and data[1] == 13:
                return [(2001,)]
            return self.blocks(body) if cmd == 13 else super().answer(cmd, data)

    t = T([user72(i, b"%d" % i) for i in (24, 10, 72)], count=15)
    with Gateway(pull("k40", t), "".join(person(f"p{i}", str(i)) for i in (24, 10, 72))) as gateway:
        expect("WeCom holds", [], gateway.settle(1, 8).wecom())
        check(
            "a warning, a fault, or readings that are held",
            gateway.warned("k40") or gateway.json("punches", "held"),
            gateway.health("k40"),
        )


@case("pyzk issues #14, #52 (the row number is given again)", limit=70)
def pull_row_number_of_a_leaver():
    """8-byte records name only the terminal's row. Bob left and was deleted, Cyd was enrolled in his row;
    the number of users did not change. Right: Cyd's punch is never Bob's."""
    t = Terminal([user28(1, 101, b"Ann"), user28(2, 102, b"Bob")], [rec8(1, at(-2)), rec8(2, at(-2, 8, 0, 5))])
    with Gateway(pull("old", t), person("ann", "101") + person("bob", "102") + person("cyd", "103")) as gateway:
        gateway.settle(2)
        expect("before the change", [said("ann", at(-2)), said("bob", at(-2, 8, 0, 5))], gateway.wecom())
        t.users = [user28(1, 101, b"Ann"), user28(2, 103, b"Cyd")]
        t.log.append(rec8(2, now(-60)))
        gateway.settle(3, 15)
        check("a third reading", len(gateway.punches()) == 3, len(gateway.punches()))
        check(
            "Bob has no punch of today",
            not [x for x in gateway.counted() + gateway.wecom() if "bob " + str(at(0).date()) in x],
            gateway.counted(),
        )


@case("vodvud/php_zklib issue #39 (empty serial number)")
def pull_two_terminals_without_serial():
    """Cheap terminals have no serial number. User 1 at gate A and user 1 at gate B are two people; both
    came at 08:00:00. Right: two punches."""
    a, b = (Terminal([user72(1, b"1", n)], [rec40(b"1", at(-1))], serial=b"") for n in (b"Ann", b"Bob"))
    with Gateway(
        pull("a", a, user_ids="prefixed", user_id_prefix="F1-")
        + pull("b", b, user_ids="prefixed", user_id_prefix="F2-"),
        person("F1-1") + person("F2-1"),
    ) as gateway:
        expect("WeCom holds", [said("F1-1", at(-1)), said("F2-1", at(-1))], gateway.settle(2, 10).wecom())


@case("pyzk issue #170 (SpeedFace-H5L, ZAM180)")
def pull_refusal_is_not_an_empty_log():
    """The terminal refuses its log with code 4989 and counts 0 punches, though 567 people use it. "Nobody
    has punched" is a false answer. Right: a warning or a fault that does not say so."""

    class T(Terminal):
        def answer(self, cmd, data):
            if cmd == 50:
                return [
                    (
                        2000,
                        struct.pack(
                            "<20i",
                            0,
                            0,
                            0,
                            0,
                            567,
                            0,
                            2,
                            0,
                            0,
                            0,
                            373,
                            0,
                            1,
                            1,
                            6000,
                            10000,
                            200000,
                            5998,
                            9433,
                            200000,
                        ),
                    )
                ]
            return [(4989,)] if cmd == 13 or cmd == 1503 and data[1] == 13 else super().answer(cmd, data)

    with Gateway(pull("h5l", T([ANN])), person("ann", "1001")) as gateway:
        time.sleep(8)
        condition, words = gateway.health("h5l")
        check("a warning or a fault", condition in ("warning", "fault"), (condition, words))
        check("no word of an empty log", "is empty" not in words and "nobody has punched" not in words, words)


@case("pyzk pull request #247 (MB40-VL)")
def pull_records_with_a_row_number_alone():
    """49-byte records whose user id is empty: only the row number says who it was, and the user list has
    it. Right: everybody gets his punches."""
    rec = lambda uid, t: struct.pack("<H24sBIB", uid, b"", 15, number(t), 0) + bytes(17)
    who = {1: ("ann", "1001"), 2: ("bob", "1002"), 3: ("cyd", "1003")}
    log = [(1 + i % 3, at(-7 + i, 8, 0, i)) for i in range(6)]
    t = Terminal([user72(i, who[i][1].encode()) for i in who], [rec(*x) for x in log])
    with Gateway(pull("mb40", t), "".join(person(*p) for p in who.values())) as gateway:
        expect("WeCom holds", sorted(said(who[i][0], x) for i, x in log), gateway.settle(6).wecom())


@case("coding-libs/zkteco-php issues #9, #10 (SC800 over UDP)")
def pull_udp_ack_before_the_last_data():
    """On a slow network the closing ACK_OK came before the last DATA; the log was never read. Fed: 100
    records, 20 ms. Right: 100 punches."""
    times = [at(-6 + i // 24, i % 24, 1) for i in range(100)]
    t = EarlyAck([ANN], [rec40(b"1001", x) for x in times])
    with Gateway(pull("sc800", t), person("ann", "1001")) as gateway:
        expect("punches in WeCom", 100, len(gateway.settle(100, 15).wecom()))


@case("pyzk issues #126, #170 (the counter stays 0)")
def pull_no_events_and_no_count():
    """REG_EVENT is acknowledged, no event ever comes, and the count stays 0: new punches were seen once a
    day. Right: a new punch is seen within two poll intervals (5 s each)."""
    t = NoCount([ANN], [rec40(b"1001", at(-7 + i)) for i in range(6)])
    with Gateway(pull("sf", t), person("ann", "1001")) as gateway:
        gateway.settle(6)
        t.log.append(rec40(b"1001", now()))
        check("the new punch within 12 s", until(lambda: len(gateway.punches()) == 7, 12), len(gateway.punches()))


@case("pyzk issue #79 (ZMM100_TFT)", limit=90)
def pull_buffered_read_is_not_answered():
    """The buffered read (1503) of the log gets no answer at all; the plain question (13) would. Right: the
    three punches are read."""
    read_though_silent("log")


@case("pyzk issue #79, python_zklib issue #25", limit=90)
def pull_registration_is_not_answered():
    """Asked to send events (500), the terminal says nothing; all else works. Right: the three punches are read."""
    read_though_silent(500)


@case("frappe/biometric-attendance-sync-tool issue #64 and others: summer time ends")
def pull_repeated_hour():
    """New York, 2 November 2025: 01:10, 01:50, then (the clock went back) 01:05, 01:35 and 01:50 again. All
    were taken for the first pass, and the second 01:50 was merged away. Right: each at its true time, or
    held; none lost."""
    repeated_hour("America/New_York", (2025, 11, 2), 1, -4)


# ---- right today, and to stay so


@case("pyzk issue #240 (NGTeco)")
def pull_users_of_36_bytes():
    """A user list of an unknown layout. Right: the punches arrive all the same."""
    users = [
        struct.pack("<HB8s16sIBI", i, 0, b"", b"n%d" % i, 0, 1, 1000 + i)[:36].ljust(36, b"\0") for i in range(1, 8)
    ]
    times = [at(-7 + i) for i in range(6)]
    with Gateway(pull("ng", Terminal(users, [rec40(b"1001", x) for x in times])), person("ann", "1001")) as gateway:
        expect("WeCom holds", [said("ann", x) for x in times], gateway.settle(6).wecom())


@case("horilla issue #1115 (x2008), jmrashed issue #7")
def pull_state_255_and_letters():
    """State 255 in every record; an id NB2401004 whose row number counts records. Right: all arrive."""
    log = [("ann", b"1000", at(-9, 7, 5, 30), 15383, 255), ("bob", b"17", at(-9, 10, 10, 56), 15384, 255)]
    log += [("cyd", b"NB2401004", at(-8, 16, 22 + i, 50), 11685 + i, i) for i in range(6)]
    t = Terminal(
        [user72(1, b"1000"), user72(2, b"17"), user72(3, b"NB2401004")], [rec40(u, x, n, 1, s) for _, u, x, n, s in log]
    )
    with Gateway(pull("x", t), person("ann", "1000") + person("bob", "17") + person("cyd", "NB2401004")) as gateway:
        expect("WeCom holds", sorted(said(w, x) for w, _, x, _, _ in log), gateway.settle(8).wecom())


@case("pyzk issue #172 (G2)")
def pull_buffered_user_list_refused():
    """1686 users; the buffered read of them is refused. Right: the plain read is used, the punch arrives."""

    class T(Terminal):
        def answer(self, cmd, data):
            return [(2001,)] if cmd == 1503 and data[1] == 9 else super().answer(cmd, data)

    t = T([user72(i, b"%d" % (1000 + i), b"p") for i in range(1, 1687)], [rec40(b"2600", at(-1))])
    with Gateway(pull("g2", t), person("ann", "2600")) as gateway:
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(1).wecom())


@case("a client's note: firmware that greets with an ACK of its own")
def pull_greeting_before_connect():
    """An ACK_OK of another session comes before CONNECT is answered. Right: no harm."""
    t = Terminal([ANN], [rec40(b"1001", at(-1))], greeting=packet(2000, 0x1111, 0))
    with Gateway(pull("g", t), person("ann", "1001")) as gateway:
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(1).wecom())


@case("node-zklib issue #42 and others: refused side commands")
def pull_refused_side_commands():
    """Six terminals, each refuses (2001) one of 500, 201, 50, 11, 1100 and the user list. Right: 18 punches."""

    class T(Terminal):
        def answer(self, cmd, data):
            return (
                [(2001,)]
                if cmd == self.no or self.no == 9 and cmd == 1503 and data[1] == 9
                else super().answer(cmd, data)
            )

    ts = [
        T([user72(1, b"1")], [rec40(b"1", at(-5 + i, 8, n)) for i in range(3)], no=c, serial=b"OKX%04d" % c)
        for n, c in enumerate((500, 201, 50, 11, 1100, 9))
    ]
    with Gateway("".join(pull(f"t{t.no}", t) for t in ts), person("ann", "1")) as gateway:
        expect("punches in WeCom", 18, len(gateway.settle(18, 30).wecom()))


@case("coding-free/zkteco-js issue #7 (75 486 records)", limit=120)
def pull_a_large_log():
    """60 000 records. Right: as many readings, and tomorrow's is held."""
    start = at(-400)
    log = [rec40(b"%d" % (1000 + i % 500), start + datetime.timedelta(minutes=9 * i)) for i in range(60000)] + [
        rec40(b"1001", at(1))
    ]
    users = [user72(i + 1, b"%d" % (1000 + i)) for i in range(500)]
    with Gateway(pull("big", Terminal(users, log)), person("ann", "1001")) as gateway:
        until(lambda: gateway.status()["journal"]["counts"]["readings"] >= 60001, 90, 1)
        counts = gateway.status()["journal"]["counts"]
        expect("readings and held", (60001, 1), (counts["readings"], counts["held"]))


@case("terminals that speak UDP")
def pull_over_udp():
    """A hundred records over UDP, in order. Right: a hundred punches."""

    class T(Terminal):
        transport = "udp"

    times = [at(-6 + i // 24, i % 24, 1) for i in range(100)]
    with Gateway(pull("u", T([ANN], [rec40(b"1001", x) for x in times])), person("ann", "1001")) as gateway:
        expect("punches in WeCom", 100, len(gateway.settle(100, 15).wecom()))


@case("logs that are not quite in order")
def pull_small_disorder_and_a_future_date():
    """One record is forty seconds older than the one before it; one lies thirty days ahead. Right: only the
    future one is held, and what comes after it is not."""
    times = GOOD[:6] + [GOOD[5] - datetime.timedelta(seconds=40)] + GOOD[6:12] + [at(30)] + GOOD[12:]
    with Gateway(pull("gate", Terminal([ANN], [rec40(b"1001", x) for x in times])), person("ann", "1001")) as gateway:
        expect("WeCom holds", sorted(said("ann", x) for x in times if x != at(30)), gateway.settle(len(times)).wecom())
        check("the future one held", gateway.held(at(30)), gateway.outcomes()[-20:])
