"""One line a check, as `run` counts them."""

import sys


def must(held, otherwise):
    """Without this nothing else can be checked."""
    if not held:
        sys.exit(otherwise)


class Checks:
    def __init__(self):
        self.failed = 0

    def __call__(self, sentence, held, otherwise=""):
        print(f"{'ok     ' if held else 'FAILED '} {sentence}", flush=True)
        if not held:
            self.failed += 1
            lines = otherwise.splitlines() if isinstance(otherwise, str) else [*otherwise]
            for line in lines[-20:]:
                print(f"        {line}", flush=True)

    def end(self):
        sys.exit(1 if self.failed else 0)
