"""The gateway under test beside a stand-in for WeCom, and what others see of it: what WeCom holds, what `punchd
--json` says."""

import datetime
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

from runner import Fail

BINARIES = pathlib.Path(os.environ.get("PUNCHD_BIN_DIR", "target/debug")).resolve()
# Asia/Shanghai, which has no summer time.
ZONE = datetime.timezone(datetime.timedelta(hours=8))

# ---- times: everything lies some days before today, so that the cases do not age


def at(days, h=8, m=0, s=0):
    """Wall time in Shanghai, so many days from today."""
    day = datetime.datetime.now(ZONE).date() + datetime.timedelta(days)
    return datetime.datetime(day.year, day.month, day.day, h, m, s)


def now(seconds=0):
    return datetime.datetime.now(ZONE).replace(tzinfo=None, microsecond=0) + datetime.timedelta(seconds=seconds)


def written(t):
    return t.strftime("%Y-%m-%d %H:%M:%S")


def number(t):
    return (((t.year % 100) * 12 + t.month - 1) * 31 + t.day - 1) * 86400 + t.hour * 3600 + t.minute * 60 + t.second


def said(who, t):
    return f"{who} {written(t)}"


# ---- the gateway


def person(userid, *user_ids, cards=()):
    return (
        f'[[person]]\nuserid = "{userid}"\nname = "{userid.title()}"\n'
        f"user_ids = {json.dumps(list(user_ids), ensure_ascii=False)}\n"
        f"cards = {json.dumps(list(cards))}\n"
    )


FOR_EVER = datetime.date(2000, 1, 1)  # in the cases a terminal's past counts, however long it was in use before


def device(name, kind, **settings):
    lines = "".join(f"{k} = {json.dumps(v) if not isinstance(v, datetime.date) else v}\n" for k, v in settings.items())
    return f'[[device]]\nname = "{name}"\nkind = "{kind}"\n{lines}'


def pull(name, terminal, **settings):
    return device(
        name,
        "zkteco-pull",
        address=f"127.0.0.1:{terminal.port}",
        poll="5s",
        timeout="3s",
        **{"transport": terminal.transport, "count_from": FOR_EVER, **settings},
    )


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(f, limit, step=0.25):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if v := f():
                return v
        except (OSError, ValueError, KeyError, IndexError):
            pass
        time.sleep(step)
    return None


class Gateway:
    """A gateway with these blocks of configuration; `members` are who works at WeCom (everybody), `wecom`
    is added to the destination."""

    def __init__(self, devices, people="", merge="0s", env=None, zone="Asia/Shanghai", members=(), wecom=""):
        self.dir = pathlib.Path(os.environ["CASE_SCRATCH"])
        self.env = {**os.environ, **(env or {})}
        self.procs = []
        for b in ("punchd", "punchd-sim"):
            if not (BINARIES / b).exists():
                raise Fail(f"{BINARIES / b} is not there: build it, or set PUNCHD_BIN_DIR")
        who = [word for userid in members for word in ("--user", userid)] or ["--any-user"]
        words = [BINARIES / "punchd-sim", "wecom", "--listen", "127.0.0.1:0", *who]
        sim = self.start(words, "wecom", stdout=subprocess.PIPE)
        self.url = json.loads(sim.stdout.readline())["url"]
        secret = self.dir / "secret"
        secret.write_text("stand-in-secret-0123456789")
        secret.chmod(0o600)
        self.config = self.dir / "punchd.toml"
        self.config.write_text(
            f'[gateway]\nname = "gate"\nzone = "{zone}"\ndata = "{self.dir}/data"\n'
            f'[attendance]\nmerge_window = "{merge}"\n'
            f'{devices}\n{people}\n[[destination]]\nname = "wecom"\nkind = "wecom"\ncorp_id = "ww0123456789abcdef"\n'
            f'secret = {{ file = "{secret}" }}\nbase_url = "{self.url}"\ncalls_per_minute = 60\n{wecom}'
        )

    def start(self, command, log, env=None, **k):
        out = open(self.dir / f"{log}.log", "ab")
        p = subprocess.Popen([str(c) for c in command], stderr=out, env=env, **{"stdout": out, **k})
        self.procs.append(p)
        return p

    def run(self):
        self.agent = self.start([BINARIES / "punchd", "-c", self.config, "--lang", "en", "run"], "agent", self.env)
        if not until(lambda: (self.dir / "data/punchd.sock").exists(), 20) or self.agent.poll() is not None:
            raise Fail("punchd did not start: " + (self.dir / "agent.log").read_text()[-600:])
        return self

    def stop(self, p=None):
        p = p or self.agent
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()

    def __enter__(self):
        return self.run()

    def __exit__(self, *_):
        for p in reversed(self.procs):
            self.stop(p)

    def cli(self, *a, limit=60):
        return subprocess.run(
            [BINARIES / "punchd", "-c", self.config, "--lang", "en", *a], capture_output=True, text=True, timeout=limit
        )

    def json(self, *a):
        return json.loads(self.cli("--json", *a).stdout)

    def status(self):
        return self.json("status")

    def punches(self):
        return self.json("punches", "--limit", "100000")

    def export(self):
        return [x for x in map(json.loads, self.cli("export").stdout.splitlines()) if "seq" in x]

    def counted(self):
        return sorted(
            said(p["userid"], datetime.datetime.fromtimestamp(p["time_s"], ZONE))
            for p in self.punches()
            if p["outcome"] in ("punch", "merged")
        )

    def health(self, name):
        h = self.status()["health"][f"device:{name}"]
        return h["condition"], h["text"]["en"]

    def said(self, name):
        """Every sentence that `punchd status` has about this device, as one text."""
        s = self.status()
        return " ".join(
            [s["health"][f"device:{name}"]["text"]["en"]] + [json.dumps(a, ensure_ascii=False) for a in s["alerts"]]
        )

    def warned(self, name):
        return self.health(name)[0] in ("warning", "fault") or bool(self.status()["alerts"])

    def wecom(self):
        rows, after = [], 0
        while page := json.load(urllib.request.urlopen(f"{self.url}/held?after={after}&limit=10000", timeout=10))[
            "records"
        ]:
            rows, after = rows + page, page[-1]["arrival"]
        return sorted(said(r["userid"], datetime.datetime.fromtimestamp(r["checkin_time"], ZONE)) for r in rows)

    def twice(self):
        """What WeCom was sent more than once."""
        return json.load(urllib.request.urlopen(f"{self.url}/held?limit=10000", timeout=10))["twice"]

    def behave(self, **fields):
        """Changes how the stand-in behaves (tests/sim/README.md)."""
        urllib.request.urlopen(f"{self.url}/behaviour", json.dumps(fields).encode(), timeout=10).close()

    def settle(self, readings=0, limit=20, quiet=2.0):
        """Wait for so many readings (or the limit), then until nothing moves and nothing waits for WeCom."""
        count = lambda: self.status()["journal"]["counts"]
        until(lambda: count()["readings"] >= readings, limit)
        last, since = None, time.monotonic()

        def quieted():
            nonlocal last, since
            c = count()
            if c != last or c["waiting"] or c["in_doubt"]:
                last, since = c, time.monotonic()
            return time.monotonic() - since > quiet

        until(quieted, 20)
        return self

    def held(self, t):
        """Is the terminal's record of this time held, with a reason, and listed among what is held?"""
        key = t.strftime("%Y-%m-%dT%H:%M:%S")
        rows = [p for p in self.punches() if (p["terminal_time"] or "").startswith(key)]
        listed = [h["seq"] for h in self.json("punches", "held")]
        return bool(rows) and all(p["outcome"] == "held" and p["reason"] and p["seq"] in listed for p in rows)

    def outcomes(self):
        return [(p["terminal_time"], p["userid"], p["credential"], p["outcome"], p["reason"]) for p in self.punches()]
