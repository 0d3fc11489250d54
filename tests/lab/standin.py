"""The project's own WeCom server, running here on the host."""

import json
import os
import subprocess
import urllib.request

from checks import must


CORP_ID, SECRET = "ww0123456789abcdef", "stand-in-secret-0123456789"


class Standin:
    def __init__(self, binaries):
        words = [os.path.join(binaries, "punchd-sim"), "wecom", "--any-user", "--keep-duplicates", "--partial"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        must(line, "the stand-in does not start")
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1].strip("/"))

    def held(self):
        """Every record that it holds: member and second, as often as it is there."""
        with urllib.request.urlopen(f"{self.url.rstrip('/')}/held?limit=1000000", timeout=30) as answer:
            return [(record["userid"], record["checkin_time"]) for record in json.load(answer)["records"]]

    def stop(self):
        self.process.kill()
        self.process.wait()
