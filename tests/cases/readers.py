"""The wires of local readers without hardware: a keyboard, two Wiegand lines, a Bluetooth device. The real
drivers of the unchanged binary read them. Keyboard and Wiegand stand in a mount namespace of the case
(needs=("mount",))."""

import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from gateway import BINARIES, until
from runner import HERE, Fail, Skip


class Line:
    """A serial server: the reader's bytes over TCP."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"

    def accept(self, limit=15):
        self.server.settimeout(limit)
        self.conn = self.server.accept()[0]
        return self

    def send(self, *pieces):
        for p in pieces:
            time.sleep(p) if isinstance(p, float) else self.conn.sendall(p)


def built(name, program=False):
    """A C shim of shims/, compiled into the scratch folder."""
    if not shutil.which("gcc"):
        raise Skip("gcc is not here")
    out = pathlib.Path(os.environ["CASE_SCRATCH"]) / (name if program else f"{name}.so")
    subprocess.run(
        ["gcc", "-O2", *([] if program else ["-shared", "-fPIC"]), "-o", out, HERE / "shims" / f"{name}.c", "-ldl"],
        check=True,
    )
    return str(out)


class SlowDisk:
    """fsync takes 0.9 s inside `with`; give `env` to the Gateway."""

    def __init__(self):
        self.flag = pathlib.Path(os.environ["CASE_SCRATCH"]) / "slow"
        self.env = {"LD_PRELOAD": built("slow"), "SLOW_FLAG": str(self.flag)}

    def __enter__(self):
        self.flag.touch()

    def __exit__(self, *_):
        self.flag.unlink()


def sim_device(*a):
    """A virtual device of punchd-sim; orders go to its stdin."""
    p = subprocess.Popen(
        [BINARIES / "punchd-sim", "device", *a], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    p.ready = json.loads(p.stdout.readline())
    threading.Thread(target=lambda: [0 for _ in p.stdout], daemon=True).start()
    return p


def scratch(name):
    return pathlib.Path(os.environ["CASE_SCRATCH"]) / name


def sh(command):
    subprocess.run(command, shell=True, check=True)


def bare_dev(*binds):
    """A /dev of our own: the few that everybody needs, and what is bound besides as (source, name)."""
    dev = scratch("dev")
    dev.mkdir()
    sh(f"mount --make-rprivate / && mount -t tmpfs none {dev}")
    for source, name in [(f"/dev/{n}", n) for n in ("null", "zero", "random", "urandom", "tty")] + list(binds):
        (dev / name).parent.mkdir(parents=True, exist_ok=True)
        (dev / name).touch()
        sh(f"mount --bind {source} {dev / name}")
    return dev


class Keyboard:
    """A USB reader that types: a FIFO at /dev/input/event0 with the ioctls of evdev answered by a shim."""

    def __init__(self):
        sys_ = scratch("input")
        (sys_ / "event0/device/id").mkdir(parents=True)
        (sys_ / "event0/device/capabilities").mkdir()
        for name, text in (
            ("name", "Sycreader USB Reader"),
            ("phys", "usb-0000:01:00.0-1.2/input0"),
            ("id/vendor", "ffff"),
            ("id/product", "0035"),
            ("capabilities/key", " ".join(["f" * 16] * 3)),
        ):
            (sys_ / "event0/device" / name).write_text(text + "\n")
        dev = bare_dev()
        if not os.path.isdir("/sys/class/input"):
            sh("mount -t tmpfs none /sys/class && mkdir /sys/class/input")
        sh(f"mount --bind {sys_} /sys/class/input")
        (dev / "input").mkdir()
        os.mkfifo(dev / "input/event0")
        sh(f"mount --rbind {dev} /dev")
        self.fd, self.step, self.clock = os.open("/dev/input/event0", os.O_RDWR), 0.0, scratch("evclock")
        self.env = {"LD_PRELOAD": built("ev"), "EV_CLOCK": str(self.clock)}

    def event(self, kind, code, value):
        """Stamped as the kernel does: by the wall clock (which may be stepped), or by the clock that
        was asked for."""
        asked = int(self.clock.read_text() or 0) if self.clock.exists() else 0
        n = time.clock_gettime(asked) if asked in (1, 7) else time.time() + self.step
        os.write(self.fd, struct.pack("qqHHi", int(n), int(n % 1 * 1e6), kind, code, value))

    def type(self, text):
        for c in text:
            code = 28 if c == "\n" else 11 if c == "0" else int(c) + 1
            for value in (1, 0):
                self.event(1, code, value)
                self.event(0, 0, 0)
            time.sleep(0.003)


KEYBOARD = dict(kind="keyboard", device="ffff:0035")


class Wires:
    """Two GPIO lines: a FIFO behind /dev/gpiochip0 with the uAPI v2 ioctls answered by a shim; data0 is 17,
    data1 is 18. Where the way of reading several waiting edges is not what is tried, the shim gives one at
    a time (one=True)."""

    def __init__(self, *preload, one=True):
        dev = bare_dev(("/dev/null", "gpiochip0"))
        self.fifo, self.seq = scratch("gpio"), 0
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDWR)
        self.pacer = built("pacer", program=True)
        self.env = {
            "LD_PRELOAD": ":".join([built("gp"), *preload]),
            "GP_FIFO": str(self.fifo),
            **({"GP_ONE": "1"} if one else {}),
        }
        sh(f"mount --rbind {dev} /dev")

    def send(self, *frames, us=1000, pause=150):
        """Frames of 0 and 1 with a reader's pace: so many µs a bit, so many ms after each frame."""
        r = subprocess.run(
            [self.pacer, self.fifo, str(us), str(pause), str(self.seq)],
            input="\n".join(frames) + "\n",
            capture_output=True,
            text=True,
        )
        self.seq = int(r.stdout)
        time.sleep(pause / 1000)

    def keys(self, text, pause=300):
        self.send(*(f"{'0123456789*#'.index(c):04b}" for c in text), pause=pause)


WIRES = dict(kind="wiegand", data0=17, data1=18)


def parity(data, bits, even, odd):
    """A frame: an even bit over the first `even` data bits, the data, an odd bit over the last `odd`."""
    d = f"{data:0{bits}b}"
    return f"{d[:even].count('1') % 2}{d}{1 - d[-odd:].count('1') % 2}"


def w26(x):
    return parity(x, 24, 12, 12)


def w34(x):
    return parity(x, 32, 16, 16)


def h10304(facility, card):
    return parity(facility << 19 | card, 35, 18, 18)  # 37 bits: even over bits 1–19, odd over 19–37


class Bluetooth:
    """org.bluez on a bus of our own, with one Nordic UART device, C0:00:00:00:00:01."""

    def __init__(self):
        bus = scratch("bus")
        scratch("bus.conf").write_text(
            '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
            '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd"><busconfig><type>system</type>'
            f"<listen>unix:path={bus}</listen><auth>EXTERNAL</auth>"
            '<policy context="default"><allow send_destination="*" eavesdrop="true"/>'
            '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>'
        )
        self.daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={scratch('bus.conf')}", "--nofork"], stderr=subprocess.DEVNULL
        )
        until(bus.exists, 5)
        self.env, self.heard = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}, []
        self.bluez = subprocess.Popen(
            [sys.executable, "-u", HERE / "bluez.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, **self.env},
        )
        threading.Thread(target=lambda: [self.heard.append(x.strip()) for x in self.bluez.stdout], daemon=True).start()
        until(lambda: "ready" in self.heard, 10)

    def listened(self):
        if not until(lambda: "notify" in self.heard, 30):
            raise Fail("expected that the agent listens to the device; got " + str(self.heard))
        time.sleep(1)

    def send(self, *pieces):
        for p in pieces:
            time.sleep(p) if isinstance(p, float) else self.bluez.stdin.write(f"send {p.hex()}\n")


BLUETOOTH = dict(kind="ble", device="C0:00:00:00:00:01")
