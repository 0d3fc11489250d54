"""Runs the cases; `run` calls it. Words are parts of names.

Of PASS, FAIL and SKIP one stands before each. With `--strict` a case that is skipped counts as failed, unless
it is named by `--may-skip`."""

import argparse
import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
from runner import CASES, HERE, apart, one


def chosen():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("names", nargs="*", metavar="WORD")
    words.add_argument("--list", action="store_true", help="only print the names, and where each case comes from")
    words.add_argument("--strict", action="store_true", help="a case that is skipped has failed")
    words.add_argument("--may-skip", action="append", default=[], metavar="NAME", help="but not this one")
    words.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    return words.parse_args()


def main():
    for file in sorted(HERE.glob("case_*.py")):
        importlib.import_module(file.stem)
    words = chosen()
    if words.one:
        return one(words.one)
    names = [name for name in CASES if not words.names or any(word in name for word in words.names)]
    if words.list:
        return print("\n".join(f"{name:40} {CASES[name].source}" for name in names))
    if unknown := [name for name in words.may_skip if name not in CASES]:
        sys.exit(f"there is no case {unknown[0]}")
    with ThreadPoolExecutor(int(os.environ.get("CASE_JOBS", "2"))) as pool:
        ends = dict(zip(names, pool.map(apart, names)))
    counted = list(ends.values())
    print(f"{counted.count('PASS')} passed, {counted.count('FAIL')} failed, {counted.count('SKIP')} skipped")
    skipped = [name for name, end in ends.items() if end == "SKIP" and name not in words.may_skip]
    if words.strict and skipped:
        sys.exit("skipped where nothing may be: " + ", ".join(skipped))
    sys.exit(1 if "FAIL" in counted or not names else 0)


main()
