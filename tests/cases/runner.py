"""What a case is, and how it is run: each in a process and a scratch folder of its own.

A case is a function under `@case(source)`; its docstring says what happened to people, what is fed and what is
right."""

import importlib.util
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CASES = {}


class Fail(Exception):
    pass


class Skip(Exception):
    pass


def case(source, limit=60, needs=()):
    """needs: "mount" (a mount namespace of its own), "ble" (dbus-daemon and dbus-next)."""

    def add(f):
        f.source, f.limit, f.needs = source, limit, needs
        CASES[f.__name__] = f
        return f

    return add


def seed():
    """Random numbers that are the same at every run; CASE_SEED gives others."""
    return random.Random(int(os.environ.get("CASE_SEED", "1")))


def expect(what, want, got):
    if want == got:
        return
    if isinstance(want, list) and isinstance(got, list) and len(want) + len(got) > 6:
        raise Fail(
            f"{what}: expected {len(want)} got {len(got)}; missing {[x for x in want if x not in got][:4]}, "
            f"too much {[x for x in got if x not in want][:4]}"
        )
    raise Fail(f"{what}: expected {want!r} got {got!r}")


def check(what, good, got=""):
    if not good:
        raise Fail(f"expected {what}; got {got!r}")


def allowed(f):
    if "mount" in f.needs and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return "a mount namespace is not permitted here (run as root)"
    if "ble" in f.needs and not shutil.which("dbus-daemon"):
        return "dbus-daemon is not here"
    if "ble" in f.needs and not importlib.util.find_spec("dbus_next"):
        return "python has no dbus-next"


def one(name):
    try:
        if why := allowed(CASES[name]):
            raise Skip(why)
        CASES[name]()
        print("PASS", name)
    except Skip as e:
        print("SKIP", name, e)
    except Fail as e:
        print("FAIL", f"{name}: {e}"[:900])
    except Exception as e:
        print("FAIL", f"{name}: the case itself broke: {e!r}"[:600])


def apart(name):
    f, scratch = CASES[name], tempfile.mkdtemp(prefix="case-")
    command = [sys.executable, str(pathlib.Path(sys.argv[0]).resolve()), "--one", name]
    if "mount" in f.needs and not allowed(f):
        command = ["unshare", "-m", *command]
    began = time.monotonic()
    words = tempfile.TemporaryFile("w+")
    p = subprocess.Popen(command, stdout=words, start_new_session=True, env={**os.environ, "CASE_SCRATCH": scratch})
    try:
        p.wait(f.limit)
        words.seek(0)
        out = words.read()
    except subprocess.TimeoutExpired:
        out = f"FAIL {name}: expected an end within {f.limit} s"
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if not os.environ.get("CASE_KEEP"):
            shutil.rmtree(scratch, ignore_errors=True)
    line = (
        [x for x in out.splitlines() if x[:5] in ("PASS ", "FAIL ", "SKIP ")]
        or [f"FAIL {name}: it ended without a word"]
    )[-1]
    print(
        f"{line}  ({time.monotonic() - began:.0f} s)" + (f"  {scratch}" if os.environ.get("CASE_KEEP") else ""),
        flush=True,
    )
    return line[:4]
