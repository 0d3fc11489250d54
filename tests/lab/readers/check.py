"""A Bluetooth terminal through real BlueZ, a card reader that types and one at two GPIO lines, on a Debian with systemd; what is checked is in `guest/`."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from checks import must
from machine import Machine, payload

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(LAB))

UNIT = """
[Unit]
After=dbus.service basic.target
Wants=dbus.service

[Service]
Environment=PYTHONDONTWRITEBYTECODE=1
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStart=/bin/sh -c 'python3 /opt/lab/main.py; echo "LAB ended with $?"; systemctl poweroff -ff'
"""

CONFIG = """
[gateway]
zone = "Asia/Shanghai"

[[device]]
name = "desk"
kind = "keyboard"
device = "LAB CARD READER"

[[device]]
name = "hall"
kind = "ble"
device = "PUNCH-FP"

[[device]]
name = "wall"
kind = "wiegand"
chip = "lab"
data0 = 17
data1 = 18

[people]
file = "/etc/punchd/people.csv"
"""


def main():
    sys.path.insert(0, os.path.join(HERE, "guest"))
    from main import OVER_THE_AIR, TYPED, WIRED

    people = "userid,name,user_id,card\n"
    people += "".join(f"of-{user_id},{user_id},{user_id},\n" for user_id in OVER_THE_AIR)
    people += "".join(f"of-{card},{card},,{card}\n" for card in (*TYPED.values(), *WIRED))
    with tempfile.TemporaryDirectory(prefix="punchd-lab-") as folder:
        here = {f"opt/lab/{name}": os.path.join(HERE, "guest", name) for name in os.listdir(os.path.join(HERE, "guest"))}
        laid_over = payload(
            folder,
            programs=[],
            links={
                **here,
                "opt/lab/checks.py": os.path.join(LAB, "checks.py"),
                "opt/lab/journal.py": os.path.join(LAB, "journal.py"),
                "usr/bin/punchd": os.path.join(os.environ["LAB_BINARIES"], "punchd"),
                "etc/systemd/system/punchd.service": os.path.join(ROOT, "systemd/punchd.service"),
                "etc/systemd/system/punchd.service.d/readers.conf": os.path.join(ROOT, "systemd/readers.conf"),
                "usr/lib/udev/rules.d/60-punchd.rules": os.path.join(ROOT, "systemd/60-punchd.rules"),
                "usr/lib/sysusers.d/punchd.conf": os.path.join(ROOT, "systemd/punchd.sysusers"),
                "usr/lib/tmpfiles.d/punchd.conf": os.path.join(ROOT, "systemd/punchd.tmpfiles"),
            },
            texts={
                "etc/systemd/system/lab.service": UNIT,
                "etc/punchd/punchd.toml": CONFIG,
                "etc/punchd/people.csv": people,
            },
            bare=False,
        )
        words = ["systemd.show_status=0", "systemd.wants=lab.service"]
        machine = Machine(os.environ["LAB_GUEST"], laid_over, ("console", "report"), ["-m", "2048", "-smp", "2", "-nic", "none"], words)
        machine.start()
        while (line := machine.ports["report"].hear(400)) is not None:
            ended = line.partition("LAB ended with ")[2]
            if ended:
                sys.exit(int(ended))
            print(line, flush=True)
        must(False, f"the machine ended early:\n{machine.console()}")


if __name__ == "__main__":
    main()
