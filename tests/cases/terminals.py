"""Terminals as the public descriptions of their protocols have them, written without the driver's code."""

import http.client
import socket
import struct
import threading
import time

from gateway import FOR_EVER, device, free_port, now, number, until

# ---- terminals that are asked (port 4370), after the public descriptions of the protocol


def checksum(b):
    s = sum(struct.unpack(f"<{(len(b) + 1) // 2}H", b + b"\0" * (len(b) % 2)))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def packet(cmd, session, reply, data=b""):
    b = struct.pack("<HHHH", cmd, 0, session, reply) + data
    return b[:2] + struct.pack("<H", checksum(b)) + b[4:]


def sizes(users, punches):
    w = [0] * 20
    w[4], w[6], w[8], w[14:20] = users, users, punches, [500, 500, 100000, 500 - users, 500 - users, 100000 - punches]
    return struct.pack("<20i", *w)


def user72(uid, user, name=b""):
    return struct.pack("<HB8s24sIBHHHH", uid, 0, b"", name, 0, 1, 0, 0, 0, 0).ljust(48, b"\0")[:48] + user.ljust(
        24, b"\0"
    )


def user28(uid, user, name=b""):
    return struct.pack("<HB5s8sIBBHI", uid, 0, b"", name, 0, 0, 1, 0, user)


def rec40(user, t, uid=1, verify=1, state=0):
    return struct.pack("<H24sBIB", uid, user, verify, number(t), state) + b"\0\0\0\0\xff\0\0\0"


def rec16(user, t, verify=1, state=0):
    return struct.pack("<IIBB2sI", user, number(t), verify, state, b"\0\0", 0)


def rec8(uid, t, flags=0x01):
    """uid u16, flags u8 (low nibble verify, high nibble state), 0, time u32."""
    return struct.pack("<HBBI", uid, flags, 0, t if isinstance(t, int) else number(t))


class Terminal(threading.Thread):
    """Over TCP, or UDP with transport = "udp". Override `answer` to misbehave: bytes, a list of (command,
    data), b"" for silence."""

    transport = "tcp"

    def __init__(self, users=(), log=(), count=None, serial=b"OKX0001", **own):
        super().__init__(daemon=True)
        self.users, self.log, self.count, self.serial, self.seen = list(users), list(log), count, serial, []
        self.__dict__.update(own)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        if self.transport == "tcp":
            self.sock.listen()
        self.start()

    def run(self):
        if self.transport == "udp":
            say = lambda a: lambda b: self.sock.sendto(b, a)
            while True:
                p, a = self.sock.recvfrom(65536)
                self.reply(p, say(a))
        while True:
            threading.Thread(target=self.serve, args=(self.sock.accept()[0],), daemon=True).start()

    def serve(self, c):
        buf, say = b"", lambda b: c.sendall(b"\x50\x50\x82\x7d" + struct.pack("<I", len(b)) + b)
        try:
            if hello := getattr(self, "greeting", None):
                say(hello)
            while d := c.recv(65536):
                buf += d
                while len(buf) >= 8 and len(buf) >= 8 + (n := struct.unpack("<I", buf[4:8])[0]):
                    p, buf = buf[8 : 8 + n], buf[8 + n :]
                    if self.reply(p, say) == "bye":
                        return
        except OSError:
            pass
        finally:
            c.close()

    def reply(self, p, say):
        cmd, _, _, number_ = struct.unpack("<HHHH", p[:8])
        self.seen.append((cmd, p[8:]))
        for step in self.answer(cmd, p[8:]):
            if isinstance(step, float):
                time.sleep(step)
            else:
                say(packet(step[0], 0x4141, number_, step[1] if len(step) > 1 else b""))
        return "bye" if cmd == 1001 else None

    def table(self, cmd):
        body = b"".join(self.users if cmd == 9 else self.log)
        return struct.pack("<I", len(body)) + body

    def blocks(self, body):
        return (
            [(1500, struct.pack("<II", len(body), 1008))]
            + [(1501, body[i : i + 1008]) for i in range(0, len(body), 1008)]
            + [(2000,)]
        )

    def answer(self, cmd, data):
        if cmd == 11:
            key = data.split(b"\0")[0]
            value = {b"~SerialNumber": self.serial, b"~DeviceName": b"K14"}.get(key)
            return [(2001,)] if value is None else [(2000, key + b"=" + value + b"\0")]
        if cmd == 1100:
            return [(2000, b"Ver 6.60 Aug 20 2011\0")]
        if cmd == 201:
            return [(2000, struct.pack("<I", number(now())))]
        if cmd == 50:
            return [(2000, sizes(len(self.users), len(self.log) if self.count is None else self.count))]
        if cmd == 1503:
            self.body = self.table(data[1])
            return (
                [(1501, self.body)]
                if len(self.body) <= 1024
                else [(2000, struct.pack("<BIII", 0, len(self.body), len(self.body), 0))]
            )
        if cmd == 1504:
            a, n = struct.unpack("<II", data)
            return self.blocks(self.body[a : a + n])
        return self.blocks(self.table(cmd)) if cmd in (9, 13) else [(2000,)]


# ---- terminals that call (ADMS / PUSH)


def http_(port, method, path, body=b"", timeout=15, **headers):
    """(status, text); status 0 where the connection broke."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        c.request(
            method,
            path,
            body.encode() if isinstance(body, str) else body,
            {"User-Agent": "iClock Proxy/1.09", **headers},
        )
        r = c.getresponse()
        return r.status, r.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as e:
        return 0, str(e)
    finally:
        c.close()


class Push:
    """A terminal that calls the gateway, and its [[device]] block."""

    def __init__(self, name="gate", serial="CJ9D204960001", **settings):
        self.port, self.sn = free_port(), serial
        self.block = device(
            name,
            "zkteco-push",
            listen=f"127.0.0.1:{self.port}",
            serial=serial,
            delay="2s",
            **{"count_from": FOR_EVER, **settings},
        )

    def ready(self):
        until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True, 20)

    def get(self, path, **k):
        self.ready()
        return http_(self.port, "GET", f"{path}{'&' if '?' in path else '?'}SN={self.sn}", **k)

    def post(self, path, body, **k):
        self.ready()
        return http_(self.port, "POST", f"{path}{'&' if '?' in path else '?'}SN={self.sn}", body, **k)

    def hello(self, more=""):
        return self.get(f"/iclock/cdata?options=all&pushver=2.4.1&language=83{more}")

    def att(self, body, query="table=ATTLOG&Stamp=9999", path="/iclock/cdata"):
        return self.post(f"{path}?{query}", body)

    def controller(self):
        """Says hello as an access controller does."""
        self.get("/iclock/cdata?options=all&pushver=3.1.2&DeviceType=acc&PushOptionsFlag=1")
        self.post("/iclock/registry", "DeviceType=acc,~DeviceName=F22,MachineType=101")
        self.post("/iclock/push", "")


def raw(port, *pieces, wait=5):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.settimeout(wait)
        for p in pieces:
            time.sleep(p) if isinstance(p, float) else s.sendall(p)
        out = b""
        try:
            while d := s.recv(65536):
                out += d
        except OSError:
            pass
        return out.decode(errors="replace")
