"""An emulated machine: QEMU without KVM, its serial ports as lines, its power."""

import atexit
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

LINE = b"\n"


class Port:
    """The far end of a serial port of a machine: lines in, lines out."""

    def __init__(self, path):
        self.path = path
        self.lines, self.said = queue.Queue(), []
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen()
        self.line = None

    def plug_in(self):
        self.door.settimeout(20)
        self.line, _ = self.door.accept()
        self.door.close()
        os.unlink(self.path)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with self.line, self.line.makefile("rb") as heard:
            try:
                for line in heard:
                    text = line.decode(errors="replace").strip("\r\n")
                    self.said.append(text)
                    self.lines.put(text)
            except OSError:
                pass
        self.lines.put(None)

    def say(self, text):
        """Whether there was still somebody to say it to."""
        try:
            self.line.sendall(text.encode() + LINE)
            return True
        except OSError:
            return False

    def hear(self, within):
        """The next line, or None after so many seconds, or when the machine is off."""
        try:
            return self.lines.get(timeout=within)
        except queue.Empty:
            return None

    def until(self, words, within):
        """Waits for a line with these words; answers it."""
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            line = self.hear(left)
            if line is None:
                break
            if words in line:
                return line
        return None


class Machine:
    """Off until `start`. Ports are those named; the first is the kernel's console."""

    def __init__(self, guest, payload, ports=("console",), options=(), kernel_words=()):
        self.folder = tempfile.mkdtemp(prefix="punchd-lab-")
        self.initrd = os.path.join(self.folder, "initrd")
        with open(self.initrd, "wb") as initrd:
            for part in (os.path.join(guest, "root.cpio"), payload):
                with open(part, "rb") as pack:
                    initrd.write(pack.read())
        self.kernel = os.path.join(guest, "vmlinux")
        self.names, self.options = ports, list(options)
        self.words = ["console=ttyS0", "panic=-1", "quiet", "nokaslr", "mitigations=off", "cryptomgr.notests", *kernel_words]
        self.process, self.ports = None, {}
        atexit.register(self._leave_nothing)

    def _leave_nothing(self):
        if self.process:
            self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *more):
        command = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        command += ["-kernel", self.kernel, "-initrd", self.initrd, "-append", " ".join(self.words)]
        self.ports = {}
        for number, name in enumerate(self.names):
            port = self.ports[name] = Port(os.path.join(self.folder, f"{name}.sock"))
            # Beyond the second, PC serial ports share interrupts; a PCI card has its own.
            kind = "isa-serial" if number < 2 else "pci-serial"
            command += ["-chardev", f"socket,id={name},path={port.path}", "-device", f"{kind},chardev={name}"]
        self.process = subprocess.Popen(
            [*command, *self.options, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.folder, "qemu.log"), "wb"),
        )
        try:
            for port in self.ports.values():
                port.plug_in()
        except OSError:
            self.cut()
            sys.exit(f"the emulator does not start: {open(os.path.join(self.folder, 'qemu.log')).read()}")

    def cut(self):
        """Takes the power away."""
        self.process.kill()
        self.process.wait()

    def off(self, within):
        """Waits until it has switched itself off."""
        try:
            self.process.wait(within)
            return True
        except subprocess.TimeoutExpired:
            self.cut()
            return False

    def console(self):
        return "\n".join(self.ports[self.names[0]].said)


def libraries(program):
    """The shared libraries of a program: where it wants each, and where that is here."""
    said = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    # `name => path (address)`, or `path (address)` for the loader.
    paths = [line.split("=>")[-1].split()[0] for line in said.splitlines() if "/" in line]
    return {path.lstrip("/"): path for path in paths}


def payload(folder, programs, links, texts, bare=True):
    """What is laid over a guest's root, packed: programs of ours into /bin, files as they are here, files with these words.

    A bare guest has no libraries and gets those of the programs: this machine's, for which they were built.
    """
    root, packed = os.path.join(folder, "payload"), os.path.join(folder, "payload.cpio")
    files = {f"bin/{program}": os.path.join(os.environ["LAB_BINARIES"], program) for program in programs}
    for program in list(files.values()) if bare else ():
        files |= libraries(program)
    for name, path in {**files, **links}.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        os.symlink(path, os.path.join(root, name))
    for name, text in texts.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(packed, "wb") as into:
        found = subprocess.run(["find", "-L", ".", "-print0"], cwd=root, stdout=subprocess.PIPE, check=True)
        subprocess.run(["cpio", "-o", "-L", "-0", "-H", "newc", "--quiet"], cwd=root, input=found.stdout, stdout=into, check=True)
    return packed


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
