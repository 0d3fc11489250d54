"""Terminals that call the gateway (ADMS / PUSH)."""

import base64

from ends import *
from runner import case

ANN, BOB = person("ann", "1001"), person("bob", "1002")
CARD = '[[person]]\nuserid = "bob"\nname = "Bob"\ncards = ["0006C7FC"]\n'  # 444412 in decimal

# ---- dates


@case("frappe/biometric-attendance-sync-tool issue #80; INFO of an eSSL terminal with MainTime=1970-01-01")
def push_clock_lost():
    """A terminal that lost its clock uploads punches of 2000-01-01 and 1970-01-01, and between two good
    ones one of half a year ago. Right: the three are held with a reason and shown; the good ones arrive."""
    false = [datetime.datetime(2000, 1, 1, 0, 12, 7), datetime.datetime(1970, 1, 1, 0, 5), at(-180, 9)]
    p = Push()
    with Gateway(p.block, ANN + BOB) as gateway:
        p.hello()
        for x in false[:2]:
            p.att(line(1001, x))
        p.att(line(1002, at(-1)) + line(1001, false[2]) + line(1002, at(-1, 17)))
        expect("WeCom holds", [said("bob", at(-1)), said("bob", at(-1, 17))], gateway.settle(5, 6).wecom())
        for x in false:
            check(f"{x} held, with a reason", gateway.held(x), gateway.outcomes())


@case("relays and other senders: badge, state, verify, time")
def push_a_number_is_no_date():
    """The columns stand in another order; the second, `0`, was taken for 2000-01-01 00:00:00 and credited
    to 1001. Right: only a written time is a time. The punch of 08:00 arrives or is kept as unreadable, or
    the terminal is not told OK."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        a = p.att(line(1001, "0", 1, written(at(-1)), 0, 0))
        got = gateway.settle(1, 4).wecom()
        check("nothing but the punch of 08:00", set(got) <= {said("ann", at(-1))}, got)
        check("nobody credited with another time", set(gateway.counted()) <= {said("ann", at(-1))}, gateway.counted())
        check("a reading, or no OK", gateway.punches() or not taken(a), a)


@case("vendor document: attendance PUSH V5.8 (2026-03), 9.1, column 11 TimeOffset")
def push_time_offset():
    """A line says itself how far its clock is ahead of UTC: 09:00 with +25200 is 10:00 in Shanghai, and
    another punch than 09:00 with +28800. Right: each arrives at its true time (or is held); none is lost,
    none arrives at a false time."""
    p, true = Push(), [at(-1), at(-1, 9), at(-1, 10)]
    row = lambda t, offset: line(1001, t, 0, 15, 0, 0, 0, 0, "36.2", "36.2", offset, "")
    with Gateway(p.block, ANN) as gateway:
        p.hello("&DeviceType=att")
        for x in (row(at(-1), "+28800"), row(at(-1, 9), "+25200"), row(at(-1, 9), "+28800")):
            p.att(x)
        got = gateway.settle(3, 5).wecom()
        expect("readings", 3, len(gateway.punches()))
        check("08:00 and 09:00 arrive", set(got) >= {said("ann", x) for x in true[:2]}, got)
        check("nothing at a false time", set(got) <= {said("ann", x) for x in true}, got)
        check(
            "10:00 arrives or is held",
            said("ann", true[2]) in got or len(gateway.json("punches", "held")) == 1,
            gateway.outcomes(),
        )


@case("saifulcoder/adms-server-ZKTeco issue #14 (the zone option is misread)")
def push_clock_two_hours_behind():
    """The terminal's clock stands two hours behind; every live punch comes with the same error and was
    delivered so without a word. Right: at least a warning."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        for _ in range(5):
            p.att(line(1001, now(-7200)))
            p.get("/iclock/getrequest")
            time.sleep(2)
        gateway.settle(5)
        check(
            "a warning, or punches that are held",
            gateway.warned("gate") or gateway.json("punches", "held"),
            gateway.health("gate"),
        )


# ---- lines that were lost


@case("a log line of an access controller in a public server's tests")
def push_transaction_prefix():
    """The first field of a `transaction` line carries the table's name: `transaction cardno=444412`. People
    known by their card alone were dropped and the terminal was told to forget. Fed: one event live and two
    later from the table. Right: three punches."""
    p, t = Push(), [at(-1), at(-1, 10), at(-1, 11)]
    with Gateway(p.block, CARD) as gateway:
        p.controller()
        p.att(event(t[0], card=444412, index=7), "table=rtlog")
        p.att(
            "transaction cardno=444412\tpin=0\tverified=4\tdoorid=1\teventtype=0\tinoutstate=0\t"
            f"time_second={number(t[1])}\tindex=8\n"
            "transaction cardno=444412\tpin=0\tverified=4\tdoorid=1\teventtype=0\tinoutstate=0\t"
            f"time_second={number(t[2])}\tindex=9\n",
            "table=tabledata&tablename=transaction&count=2",
        )
        expect("WeCom holds", [said("bob", x) for x in t], gateway.settle(3, 5).wecom())


@case("reported of several servers: punches under another table")
def push_punch_under_operlog():
    """An ATTLOG line under table=OPERLOG was answered OK and became no punch; the alert said the terminal
    still had it. Right: the punch arrives, or the terminal is not told OK; no alert says what is not so."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        a = p.att(line(1001, at(-1)), "table=OPERLOG&OpStamp=9999")
        right_or_refused(gateway, a, [said("ann", at(-1))])
        check(
            "no alert that it is still on the terminal",
            not (taken(a) and "terminal too" in gateway.said("gate")),
            gateway.said("gate"),
        )


@case("PUSH SDK 2.0.1's printed samples; servers that split at blanks or commas")
def push_blanks_and_commas():
    """Lines with blanks or commas between the columns were answered OK and could never be given to anybody.
    Right: they are punches like others, or the terminal is not told OK."""
    p = Push()
    with Gateway(p.block, ANN + BOB) as gateway:
        a = p.att(f"1001 {written(at(-1))} 0 1\n1002 {written(at(-1, 9))} 1 1 0 0 0\n")
        right_or_refused(gateway, a, [said("ann", at(-1)), said("bob", at(-1, 9))])
        b = p.att(f"1001,{written(at(-1, 10))},0,1,0,0\n")
        check(
            "10:00 in WeCom, or a refusal",
            not taken(b) or until(lambda: said("ann", at(-1, 10)) in gateway.wecom(), 6),
            b,
        )


@case("vendor document: attendance PUSH V5.8, 9.13 (ContentType=tgz)")
def push_packed_upload():
    """Several kinds of data packed as a tgz under OPERLOG: answered OK, nothing of it read. Right: the
    punch in it arrives, or the terminal is not told OK."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        a = p.post(
            "/iclock/cdata?table=OPERLOG&ContentType=tgz",
            tgz(ATTLOG=line(1001, at(-1)), USERINFO="USER PIN=1001\tName=Ann\n"),
        )
        right_or_refused(gateway, a, [said("ann", at(-1))])


# ---- what is no punch


@case("vendor document: Security PUSH V4.8, appendix 2 (0–19 and 200–253 normal, 20–99 refused)")
def push_door_refusals():
    """The door turned people away (outside their hours 22, access denied 23, anti-passback 24, unregistered
    27, expired 29, wrong password 41) and they got attendance. Right: 0, 3 and 203 are punches; the others
    are kept and shown as refused, with the code."""
    p, codes = Push(), (0, 3, 203, 22, 23, 24, 27, 29, 41)
    with Gateway(p.block, ANN) as gateway:
        p.controller()
        for i, c in enumerate(codes):
            p.att(event(at(-1, 8, i), pin=1001, code=c, index=i + 1), "table=rtlog")
        expect("WeCom holds", [said("ann", at(-1, 8, i)) for i in range(3)], gateway.settle(9, 5).wecom())
        rows = {p["terminal_time"][14:16]: p for p in gateway.punches()}
        for i, c in list(enumerate(codes))[3:]:
            r = rows.get(f"{i:02}", {})
            check(
                f"event {c} kept as refused, with its code",
                r.get("outcome") == "refused" and str(c) in json.dumps(r["reason"]),
                r,
            )


@case("vendor document: attendance PUSH V5.8, 9.6 (DeviceType=pid)")
def push_failed_checks_of_id_cards():
    """On identity-card terminals Type=1 is a check of a card, and there Status 1 is a failed one and 2 a
    black-listed person: both became attendance. Right: neither is a punch; Type=0 is."""
    p, number_ = Push(), "110101199003070000"
    with Gateway(p.block, ANN + BOB) as gateway:
        p.get("/iclock/cdata?options=all&pushver=2.4.0&DeviceType=pid&language=83")
        p.att(line(1001, at(-1), 0, 1, 0, 0, 0, number_, 0))
        p.att(line(1001, at(-1, 8, 20), 1, 1, 0, 0, 0, number_, 1))
        p.att(line(1002, at(-1, 8, 30), 2, 1, 0, 0, 0, number_, 1))
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(3, 5).wecom())


@case("other servers' tests: remote opening (8) and the emergency password (4) are nobody's attendance")
def push_door_openings():
    """Events 4 and 8 with a pin were delivered as punches of that person. Right: kept, no punch."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.controller()
        for i, c in enumerate((4, 8, 0)):
            p.att(event(at(-1, 8, i), pin=1001, code=c, index=i + 1), "table=rtlog")
        expect("WeCom holds", [said("ann", at(-1, 8, 2))], gateway.settle(3, 5).wecom())
        expect("readings", 3, len(gateway.punches()))


# ---- what the terminal is answered, and what is said of it


@case("pyzk issue #170's advice: set the device type to T&A PUSH")
def push_from_access_to_attendance():
    """A terminal in access-control mode is switched to attendance mode, as everybody advises. It says
    DeviceType=att and waits for its options; it got `registry=ok` for ever. Right: GET OPTION FROM."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.controller()
        gateway.stop()
        gateway.run()
        answer = p.hello("&DeviceType=att&PushOptionsFlag=1")
        check("an answer that begins with GET OPTION FROM", answer[1].startswith("GET OPTION FROM"), answer)


@case("vendor document: Security PUSH, 10.12 (errorlog, ATTPHOTO)")
def push_tables_of_the_vendor():
    """errorlog and ATTPHOTO were refused with 400, which firmware repeats for ever, and the device stayed
    in warning. Right: the documented answers `errorlog=1` and `ATTPHOTO=1`, and no lasting warning."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.controller()
        for name, body in (
            ("errorlog", "errorlog errcode=5\terrmsg=whatever\tdataorigin=cmd\tcmdid=3\tadditional=\n"),
            ("ATTPHOTO", f"pin={at(-1):%Y%m%d%H%M%S}-1001.jpg\tsn=x\tsize=3\tphoto=QUJD\n"),
        ):
            a = p.att(body, f"table=tabledata&tablename={name}&count=1")
            expect(f"the answer to {name}", (200, f"{name}=1"), (a[0], a[1].strip()))
        gateway.settle()
        expect("condition", "working", gateway.health("gate")[0])


@case("servers that read table=USERINFO as the answer to DATA QUERY USERINFO")
def push_userinfo():
    """punchd asks for USERINFO at the first contact, and refused what comes back under that name with 400.
    Right: taken, and the terminal's name for an unknown id is shown."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        a = tell_users(p, "PIN=4711\tName=Carol\tPri=0\tPasswd=\tCard=\tGrp=1\n", "USERINFO")
        check("OK", taken(a), a)
        p.att(line(4711, at(-1)))
        gateway.settle(1)
        expect("name shown", ["Carol"], [u["terminal_name"] for u in gateway.json("punches", "unknown")])


@case("server address typed with /iclock: the terminal asks /iclock/iclock/…")
def push_wrong_path_is_said():
    """A known terminal called at a wrong path got 404, and status went on to say "waiting for the
    terminal". Right: status names the path (or the punches are taken)."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        for _ in range(3):
            p.get("/iclock/iclock/cdata?options=all&pushver=2.4.1")
            p.att(line(1001, at(-1)), path="/iclock/iclock/cdata")
            time.sleep(1)
        gateway.settle(0)
        check(
            "the path in what status says",
            gateway.wecom() or "iclock/iclock" in json.dumps(gateway.status()),
            gateway.health("gate"),
        )


@case("terminals whose firmware leaves the serial number out")
def push_without_serial_is_said():
    """A terminal asks without SN and is refused; nothing of it was to be seen. Right: status shows that
    somebody knocked."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.ready()
        for _ in range(3):
            http_(p.port, "GET", "/iclock/cdata?options=all&pushver=2.4.1")
        gateway.settle(0)
        s = gateway.status()
        check(
            "a stranger, an alert or a warning", s["strangers"] or s["alerts"] or gateway.warned("gate"), s["strangers"]
        )


@case("ids that no terminal should have, as A=B")
def push_unreadable_is_given_to_a_person():
    """A line whose id cannot be read is kept, but could be given to nobody. Right: `punches decide …
    --person` gives it, and it arrives."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.att(line("A=B", at(-1)))
        gateway.settle(1, 4)
        given(gateway, "ann")
        check("the punch in WeCom", until(lambda: gateway.wecom() == [said("ann", at(-1))], 10), gateway.outcomes())


@case("a terminal that was cut off for months sends its whole log in one POST")
def push_too_large_body_is_said():
    """A body of 9.5 MB is refused with 413 and the connection is cut; status went on to say "working".
    Right: taken, or said."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        body = "".join(
            line(1001, at(-300) + datetime.timedelta(seconds=37 * i), 0, 15, 0, 0, 0, 255, 0, 0) for i in range(200000)
        )
        for _ in range(2):
            a = p.att(body)
        gateway.settle(0)
        check("taken, or a warning", taken(a) or gateway.warned("gate"), (a, gateway.health("gate")))


@case("vendor document: attendance PUSH V5.8, 9.5 (table=IDCARD)")
def push_finger_templates_are_not_kept():
    """An identity card's upload brings two finger templates, FPTemplate1 and FPTemplate2. Only the photo
    was left out of what is kept. Right: neither is stored. (Fed: 600 KB of them; the data folder must not
    grow by half of that.)"""
    p, blob = Push(), base64.b64encode(os.urandom(225000)).decode()
    size = lambda: sum(f.stat().st_size for f in (gateway.dir / "data").rglob("*") if f.is_file())
    with Gateway(p.block, ANN) as gateway:
        p.get("/iclock/cdata?options=all&pushver=2.4.0&DeviceType=pid")
        gateway.settle(0)
        before = size()
        p.att(
            "IDCARD PIN=1001\tSNNum=00A1\tIDNum=110101199003070000\tName=Ann\tPhoto=UEhPVE8=\t"
            f"FPTemplate1={blob}\tFPTemplate2={blob}\t"
            "Reserve=\n",
            "table=IDCARD&Stamp=9999",
        )
        gateway.settle(0)
        check("a data folder that hardly grows", size() - before < 300000, size() - before)


@case("vendor document: attendance PUSH V5.8, 9.6 (the number of an identity card)")
def push_id_numbers_are_not_in_clear():
    """The 18 digits of an identity card stand in every line of such a terminal, and stood so on the
    gateway's disk. Right: they do not."""
    p, number_ = Push(), "110101199003074578"
    with Gateway(p.block, ANN) as gateway:
        p.get("/iclock/cdata?options=all&pushver=2.4.0&DeviceType=pid")
        p.att(line(1001, at(-1), 0, 1, 0, 0, 0, number_, 0))
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(1, 5).wecom())
        expect("files with the number", [], in_clear(gateway, number_))


@case("Eric-Guo/wechat issue #57 (40001 on calls while gettoken works)")
def push_40001_is_not_the_secret():
    """add_checkin_record answers 40001 although a fresh token was just given for this secret; "the app's
    secret is wrong" sent people to the wrong place. Right: another sentence."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        gateway.behave(disturbances=[{"on": "add_checkin_record", "instead": {"errcode": 40001}}])
        p.att(line(1001, at(-1)))
        time.sleep(6)
        words = gateway.status()["health"]["destination:wecom"]["text"]["en"]
        check("no word that the secret is wrong", "secret is wrong" not in words, words)


# ---- right today, and to stay so


@case("eSSL firmware (.aspx), proxies")
def push_spellings_of_the_path():
    """.aspx, upper case, double slashes, a trailing slash. Right: all are the same path."""
    p, paths = Push(), ("/iclock/cdata.aspx", "/ICLOCK/CDATA", "//iclock//cdata", "/iclock/cdata/")
    with Gateway(p.block, ANN) as gateway:
        for i, path in enumerate(paths):
            p.att(line(1001, at(-1, 8, i)), path=path)
        expect("WeCom holds", [said("ann", at(-1, 8, i)) for i in range(4)], gateway.settle(4, 6).wecom())


@case("HTTP as terminals and boxes between write it")
def push_kinds_of_http():
    """1.0 without Host, chunked, Expect, LF only, byte by byte, two at once, `Connection: starting` with a
    cookie. Right: all taken."""
    p, b = Push(), lambda m: line(1001, at(-1, 10, m)).encode()
    u = f"/iclock/cdata?SN={p.sn}&table=ATTLOG&Stamp=9999"
    h = lambda m, more="Connection: close\r\n": (
        f"POST {u} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(b(m))}\r\n\r\n".encode()
    )
    with Gateway(p.block, ANN) as gateway:
        p.ready()
        raw(p.port, f"POST {u} HTTP/1.0\r\nContent-Length: {len(b(0))}\r\n\r\n".encode() + b(0))
        raw(
            p.port,
            f"POST {u} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
            + f"{len(b(1)):x}\r\n".encode()
            + b(1)
            + b"\r\n0\r\n\r\n",
        )
        raw(p.port, h(2, "Expect: 100-continue\r\nConnection: close\r\n"), 0.5, b(2))
        raw(p.port, h(3).replace(b"\r\n", b"\n") + b(3))
        raw(p.port, *(bytes([c]) for c in h(4) + b(4)))
        raw(p.port, h(5, "") + b(5) + h(6) + b(6))
        raw(p.port, h(7, "Cookie: token=16\r\nConnection: starting\r\nAccept: application/push\r\n") + b(7), wait=1)
        expect("WeCom holds", [said("ann", at(-1, 10, m)) for m in range(8)], gateway.settle(8, 6).wecom())


@case("Stamp=0, None, 9999; the same log again, reversed, in part")
def push_nothing_twice():
    """A day of 24 punches, sent forwards, backwards and by halves under every kind of Stamp. Right: 24 in
    WeCom, none twice."""
    p, times = Push(), [at(-2, h) for h in range(24)]
    with Gateway(p.block, BOB) as gateway:
        for stamp, part in (("0", times), ("None", times[::-1]), ("9999", times[:12]), ("82983982", times[6:] * 2)):
            p.hello()
            p.att("".join(line(1002, x) for x in part), f"table=ATTLOG&Stamp={stamp}")
        expect("WeCom holds", [said("bob", x) for x in times], gateway.settle(24, 6).wecom())


@case("user ids of the field")
def push_forms_of_user_ids():
    """Zero-padded (000000982 is not 982), 24 characters, `5_4968`, a blank inside, Chinese in GBK and in
    UTF-8; right-aligned."""
    p, ids = Push(), ["000000982", "5_4968", "ABCDEFGHIJKLMNOPQRSTUVWX", "10 01", "张三"]
    people = "".join(person(f"u{i}", x) for i, x in enumerate(ids)) + person("other", "982") + ANN
    with Gateway(p.block, people) as gateway:
        for i, x in enumerate(ids[:4]):
            p.att(line(x, at(-1, 11, i)))
        p.att(line(ids[4], at(-1, 11, 4)).encode("gbk"))
        p.att(line(ids[4], at(-1, 11, 5)).encode())
        p.att(line("    1001", at(-1, 11, 6)))
        want = [said(f"u{i}", at(-1, 11, i)) for i in range(5)] + [
            said("u4", at(-1, 11, 5)),
            said("ann", at(-1, 11, 6)),
        ]
        expect("WeCom holds", sorted(want), gateway.settle(7, 6).wecom())


@case("vendor document: attendance PUSH V5.8, 16.5 (forms of a card number)")
def push_card_of_a_live_event():
    """Card 123456789 comes as cardno=123456789 and belongs to the bytes 07 5B CD 15. A clock two hours
    ahead holds its punch."""
    p = Push()
    with Gateway(p.block, person("ann", "1001", cards=["075BCD15"])) as gateway:
        p.controller()
        p.att(event(at(-1), card=123456789), "table=rtlog")
        p.att(event(now(7200), pin=1001, index=2), "table=rtlog")
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(2, 6).wecom())
        expect("held", 1, len(gateway.json("punches", "held")))


@case("the opposite of the cases above: what must not be held by a cure")
def push_backlog_after_three_days_without_network():
    """A terminal was cut off for three days. It sends the newest punch first, as it happens, and then the
    days before, in order, again and again in part. Right: all arrive, nothing is held, no word of its
    clock."""
    p, days = Push(), [at(-d, h, 1) for d in (3, 2, 1) for h in (8, 12, 18)]
    live = now()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        p.att(line(1001, live))
        p.att("".join(line(1001, x) for x in days[:5]))
        p.att("".join(line(1001, x) for x in days))
        expect("WeCom holds", sorted(said("ann", x) for x in [*days, live]), gateway.settle(10, 6).wecom())
        check("no warning", not gateway.warned("gate"), gateway.health("gate"))
