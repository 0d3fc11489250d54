"""Ends of wires that several cases use: lines as terminals write them, misbehaving terminals, what is asked of
readers."""

import datetime
import io
import os
import signal
import socket
import struct
import tarfile
import threading
import time

from gateway import *
from readers import *
from runner import Fail, Skip, check, expect
from terminals import *

# ---- push


def line(pin, t, *more):
    return (
        "\t".join([str(pin), t if isinstance(t, str) else written(t), *(str(x) for x in (more or (0, 1, 0, 0)))]) + "\n"
    )


def event(t, pin=0, card=0, code=0, index=1):
    return (
        f"time={written(t)}\tpin={pin}\tcardno={card}\teventaddr=1\tevent={code}\tinoutstatus=0\t"
        f"verifytype=15\tindex={index}\n"
    )


def taken(answer):
    return answer[0] == 200 and answer[1].strip().upper().startswith("OK")


def right_or_refused(gateway, answer, want):
    """Either the terminal was not told OK, or what it sent is there, and only that."""
    got = gateway.settle(1, 4).wecom()
    check(f"{want} in WeCom, or a refusal", got == want or not got and not taken(answer), (got, answer))


def tgz(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()


def tell_users(p, body, table):
    """Polls for commands as a terminal does, and answers `DATA QUERY USERINFO` with these lines under this
    table: the upload's answer."""
    for _ in range(20):
        for order in (x for x in p.get("/iclock/getrequest")[1].splitlines() if x.startswith("C:")):
            _, n, words = order.split(":", 2)
            told = p.att(body, f"table={table}&Stamp=9999") if "USERINFO" in words else None
            p.post("/iclock/devicecmd", f"ID={n}&Return={int(bool(told))}&CMD={words.split()[0]}\n")
            if told:
                return told
        time.sleep(0.5)
    raise Fail("expected to be asked DATA QUERY USERINFO within 10 s")


# ---- pull


class EarlyAck(Terminal):
    """Over UDP: the closing ACK overtakes the last DATA, which comes `late` seconds after it."""

    transport, late = "udp", 0.02

    def blocks(self, body):
        b = super().blocks(body)
        return b if len(b) < 4 else b[:-2] + [b[-1], self.late, b[-2]]


class NoCount(Terminal):
    """Agrees to send events and sends none; its count never moves (None: is refused)."""

    counts = sizes(0, 0)

    def answer(self, cmd, data):
        return super().answer(cmd, data) if cmd != 50 else [(2001,)] if self.counts is None else [(2000, self.counts)]


class Behind(Terminal):
    """Its clock stands so many hours behind."""

    hours = 2

    def answer(self, cmd, data):
        return [(2000, struct.pack("<I", number(now(-3600 * self.hours))))] if cmd == 201 else super().answer(cmd, data)


class Silent(Terminal):
    """Does not answer the commands of `mute`; ("log",) means the buffered read of the log."""

    mute = ()

    def answer(self, cmd, data):
        quiet = cmd in self.mute or "log" in self.mute and cmd == 1503 and data[1] == 13
        return [] if quiet else super().answer(cmd, data)


def read_though_silent(*mute, limit=45):
    times = [at(-5 + i, 8, 0, i) for i in range(3)]
    with Gateway(
        pull("gate", Silent([user72(1, b"1", b"Ann")], [rec40(b"1", x) for x in times], mute=mute)), person("ann", "1")
    ) as gateway:
        expect(
            f"with {mute} unanswered, WeCom holds", [said("ann", x) for x in times], gateway.settle(3, limit).wecom()
        )


def repeated_hour(zone, day, hour, before):
    """A night in which summer time ends: `hour` is passed twice, at `before` hours ahead of UTC and then an
    hour less."""
    import zoneinfo

    class T(Terminal):
        def answer(self, cmd, data):
            there = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
            return [(2000, struct.pack("<I", number(there)))] if cmd == 201 else super().answer(cmd, data)

    wall = [
        (hour - 1, 30, before),
        (hour, 10, before),
        (hour, 50, before),
        (hour, 5, before - 1),
        (hour, 35, before - 1),
        (hour, 50, before - 1),
        (hour + 5, 0, before - 1),
    ]
    times = [datetime.datetime(*day, h, m) for h, m, _ in wall]
    true = [said("ann", t + datetime.timedelta(hours=8 - w[2])) for t, w in zip(times, wall)]  # as Shanghai writes them
    with Gateway(
        pull("gate", T([user72(1, b"1")], [rec40(b"1", t) for t in times]), zone=zone), person("ann", "1")
    ) as gateway:
        got = gateway.settle(len(times), 8).wecom()
        check("nothing at a false time", set(got) <= set(true), sorted(set(got) - set(true)))
        expect("arrived or held", len(times), len(set(got)) + len(gateway.json("punches", "held")))


def in_clear(gateway, words):
    """The files of the data folder in which these bytes stand as they are."""
    return [f.name for f in (gateway.dir / "data").rglob("*") if f.is_file() and words.encode() in f.read_bytes()]


def given(gateway, userid):
    """Gives every reading that is nobody's to this person, as `punches decide --person` does."""
    rows = [p for p in gateway.punches() if p["outcome"] == "unknown"]
    check("a reading that is nobody's", rows, gateway.outcomes())
    r = gateway.cli(
        "punches",
        "decide",
        *(str(p["seq"]) for p in rows),
        "--person",
        userid,
        "--reason",
        "seen at the gate",
        "--by",
        "office",
    )
    check("decide --person to work", r.returncode == 0, r.stderr[:200])
    return rows


# ---- readers


def who(gateway):
    return sorted(p["userid"] for p in gateway.punches() if p["outcome"] in ("punch", "merged"))


def nobody_is_taken_for(gateway, name, limit=2):
    gateway.settle(1, limit)
    check(f"no punch of {name}", name not in who(gateway), gateway.outcomes())


def rdm(card, end=b""):
    """A frame of an RDM6300 or ID-20LA reader."""
    x = 0
    for b in bytes.fromhex(card):
        x ^= b
    return b"\x02" + f"{card}{x:02X}".encode() + end + b"\x03"


def hundred(us, frame=w34, width=8, base=0x04A1B200):
    wires = Wires(one=False)
    people = "".join(person(f"u{i}", cards=[f"{base + i:0{width}X}"]) for i in range(100))
    with Gateway(device("wall", **WIRES), people, env=wires.env) as gateway:
        time.sleep(1.5)
        wires.send(*(frame(base + i) for i in range(100)), us=us)
        expect(f"cards of 100 at {us} µs a bit", 100, len(set(who(gateway.settle(100, 5)))))


def vanish(line):
    try:
        line.conn.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR: closed without a word
    except PermissionError:
        raise Skip("TCP_REPAIR is not permitted here (run as root)")
    line.conn.close()


def until_connected(line, gateway, limit):
    line.server.settimeout(limit)
    try:
        line.conn = line.server.accept()[0]
        return True
    except TimeoutError:
        return gateway.health("line")[0] == "fault"


def busy_moment(gateway, wires, *frames, us=200, pause=100):
    """The agent gets no processor while these frames come (as when the machine is busy): their edges wait
    in the kernel."""
    gateway.agent.send_signal(signal.SIGSTOP)
    try:
        wires.send(*frames, us=us, pause=pause)
    finally:
        gateway.agent.send_signal(signal.SIGCONT)
    time.sleep(0.4)


class FingerModule(threading.Thread):
    """A fingerprint module over TCP (EF01 packets) that knows the finger 3; `mute` commands get no answer."""

    def __init__(self, *mute):
        super().__init__(daemon=True)
        self.mute, self.server = mute, socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.server.accept()[0],), daemon=True).start()

    def serve(self, c):
        buf = b""
        try:
            while d := c.recv(4096):
                buf += d
                while (
                    (i := buf.find(b"\xef\x01")) >= 0
                    and len(buf) >= i + 9
                    and len(buf) >= (end := i + 9 + int.from_bytes(buf[i + 7 : i + 9], "big"))
                ):
                    op, arg, buf = buf[i + 9], buf[i + 10 : end - 2], buf[end:]
                    if op not in self.mute:
                        body = b"\x07" + (len(a := self.answer(op, arg)) + 2).to_bytes(2, "big") + a
                        c.sendall(b"\xef\x01\xff\xff\xff\xff" + body + (sum(body) & 0xFFFF).to_bytes(2, "big"))
        except OSError:
            pass

    def answer(self, op, arg):
        return {
            0x13: b"\0",
            0x0F: bytes.fromhex("000000000900c80003ffffffff00020006"),
            0x1D: b"\0\0\1",
            1: b"\2",
            2: b"\0",
            0x1F: b"\0" + (b"\x08" if arg == b"\0" else b"\0") + bytes(31),
        }.get(op, b"\1")


def read_in_spite_of(order):
    """A PN532 whose next answer is spoilt while a card lies there for 0.8 s; four times."""
    link = scratch("pn532")
    sim = sim_device("pn532", "--link", str(link))
    say = lambda x: print(x, file=sim.stdin, flush=True)
    with Gateway(device("nfc", "pn532", port=str(link)), person("anna", cards=["hex:01020304"])) as gateway:
        until(lambda: gateway.health("nfc")[0] == "working", 10)
        for _ in range(4):
            for x in (order, "present 01020304"):
                say(x)
            time.sleep(0.8)
            say("remove")
            time.sleep(3.5)
        expect("punches", 4, len(who(gateway.settle(4, 2))))


def discover(by_id, leads_to, product="USB Serial"):
    """What `devices discover` prints for two virtual PN532 at ttyUSB0 and ttyUSB1."""
    links = [scratch(f"line{i}") for i in (0, 1)]
    sims = [sim_device("pn532", "--link", str(x)) for x in links]
    usb, tty = scratch("usb1"), scratch("tty")
    for i in (0, 1):
        port = usb / f"1-1/1-1.{i + 1}"
        (port / f"if/ttyUSB{i}").mkdir(parents=True)
        (tty / f"ttyUSB{i}").mkdir(parents=True)
        (port / "product").write_text(product + "\n")
        (tty / f"ttyUSB{i}/device").symlink_to(port / f"if/ttyUSB{i}")
    dev = bare_dev(*((os.path.realpath(x), f"ttyUSB{i}") for i, x in enumerate(links)))
    (dev / "pts").mkdir()
    for d in ("by-id", "by-path"):
        (dev / "serial" / d).mkdir(parents=True)
    (dev / "serial/by-id" / by_id).symlink_to(f"../../{leads_to}")
    for i in (0, 1):
        (dev / f"serial/by-path/platform-x.usb-usb-0:1.{i + 1}:1.0-port0").symlink_to(f"../../ttyUSB{i}")
    sh(f"mount --rbind /dev/pts {dev}/pts && mount --bind {tty} /sys/class/tty && mount --rbind {dev} /dev")
    gateway = Gateway("")
    try:
        return gateway.cli("devices", "discover", limit=75).stdout
    finally:
        for s in sims:
            s.terminate()
        gateway.stop(gateway.procs[0])
