"""What the agent's journal holds, read from the file by somebody else than the agent."""

import collections
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile


def run(*words):
    said = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return said.returncode, said.stdout


class Journal:
    """The journal in this folder; without its configuration it gets one that only names the folder."""

    def __init__(self, folder, punchd, config=None):
        self.folder, self.punchd = folder, punchd
        # A copy may be written: a cut may have left a transaction to be rolled back.
        self.mode = "ro" if config else "rw"
        self.config = config or os.path.join(folder, "lab.toml")
        if not config:
            os.makedirs(folder, exist_ok=True)
            with open(self.config, "w", encoding="utf-8") as own:
                own.write(f'[gateway]\nzone = "Asia/Shanghai"\ndata = "{folder}"\n')

    def rows(self, query):
        path = os.path.join(self.folder, "journal.db")
        if not os.path.exists(path):
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode={self.mode}", uri=True)) as journal:
            # The first cuts find a file in which nothing is yet.
            (version,) = journal.execute("PRAGMA user_version").fetchone()
            return journal.execute(query).fetchall() if version else []

    def of(self, device, *columns):
        """How often each of these is there among the readings of a device that could be read."""
        return self._of(device, columns, "<>")

    def parts_of(self, device):
        """The numbers of what is kept and could not be read."""
        return {seq for (seq,) in self._of(device, ["seq"], "=")}

    def _of(self, device, columns, unreadable):
        where = f"name = '{device}' AND credential_kind {unreadable} 'unreadable'"
        return collections.Counter(self.rows(f"SELECT {', '.join(columns)} FROM reading JOIN device USING (device) WHERE {where}"))

    def complaints(self):
        """What is wrong with it as a whole: the chain, the file, an older one that was set aside."""
        aside = [name for name in os.listdir(self.folder) if "damaged" in name]
        found = [f"set aside as damaged: {name}" for name in aside]
        found += [f"cut for {reason}" for (reason,) in self.rows("SELECT reason FROM cut")]
        code, said = run(self.punchd, "verify", "--config", self.config)
        return found if code == 0 else [*found, said]


@contextlib.contextmanager
def files_on(disk, mend=False):
    """A copy of the files on a disk with ext4 as it would be mounted now. With `mend` the disk is as its check leaves it, as at
    every boot of a Debian: a block of which one sector was written is for the check to mend, the kernel refuses to mount it.
    """
    with tempfile.TemporaryDirectory(prefix="punchd-lab-") as folder:
        image, out = os.path.join(folder, "image"), os.path.join(folder, "out")
        disk.write_down(image)
        code, said = run("e2fsck", "-fp", image)
        if code > 1:
            sys.exit(f"the file system is broken beyond what a power cut may do: {said}")
        if mend:
            disk.read_up(image)
        os.mkdir(out)
        run("debugfs", "-R", f"rdump / {out}", image)
        yield out
