"""A disk with a volatile cache, served over NBD: what the machine has not flushed is lost when its power is cut.

The protocol is NBD's fixed newstyle handshake and simple replies
(github.com/NetworkBlockDevice/nbd, doc/proto.md). Writes with FUA are not offered: the machine flushes instead.
"""

import os
import socket
import struct
import threading

SECTOR = 512

MAGIC, OPTION_MAGIC, OPTION_REPLY = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPT_EXPORT_NAME, OPT_ABORT, OPT_GO = 1, 2, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 0x80000001
HAS_FLAGS, SEND_FLUSH = 1, 4
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
EINVAL = 22


class Disk:
    """`keeps` is what has reached the medium; what was written since the last flush is in `cached` besides."""

    def __init__(self, image, path):
        self.keeps, self.path = bytearray(image), path
        # Otherwise it says of a flush that it is done, and does nothing.
        self.honest = True
        self.cached, self.shows, self.flushes = [], bytearray(image), 0
        self.lock, self.machine = threading.Lock(), None
        self.writes_left, self.dead = None, threading.Event()
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen()
        threading.Thread(target=self._take_machines, daemon=True).start()

    def die_after(self, writes):
        """With so many more writes (or flushes) the power fails: from then on nothing is done nor answered, and `dead` is set."""
        with self.lock:
            self.writes_left = writes
            self.dead.clear()

    def cut(self, random):
        """The power is gone: of what was not flushed nothing survives, or some writes, or some sectors of some. Of what a lying
        disk was told to flush nothing does.
        """
        with self.lock:
            machine, self.machine = self.machine, None
            unit = random.choice((None, "write", "sector")) if self.honest else None
            survived = 0
            for at, data in self.cached:
                size = {None: 0, "write": len(data), "sector": SECTOR}[unit]
                for start in range(0, len(data), size) if size else ():
                    if random.random() < 0.5:
                        part = data[start : start + size]
                        self.keeps[at + start : at + start + len(part)] = part
                        survived += len(part)
            unflushed = sum(len(data) for _, data in self.cached)
            self.cached, self.shows = [], bytearray(self.keeps)
            self.writes_left = None
        if machine:
            machine.close()
        return unflushed // SECTOR, survived // SECTOR

    def write_down(self, path):
        """What the medium holds, as a file."""
        with self.lock, open(path, "wb") as image:
            image.write(self.keeps)

    def read_up(self, path):
        """The medium holds what is in the file. No machine may run."""
        with self.lock, open(path, "rb") as image:
            self.keeps = bytearray(image.read())
            self.cached, self.shows = [], bytearray(self.keeps)

    def close(self):
        self.door.close()
        os.unlink(self.path)

    def _take_machines(self):
        while True:
            try:
                connection, _ = self.door.accept()
            except OSError:
                return
            with self.lock:
                self.machine = connection
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as asked:
                if self._shake_hands(connection, asked):
                    while self._answer(connection, asked):
                        pass
        except (OSError, EOFError, ValueError):
            # A machine whose power was cut ends in the middle of a word.
            pass

    def _shake_hands(self, connection, asked):
        connection.sendall(MAGIC + OPTION_MAGIC + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
        (flags,) = struct.unpack(">I", exactly(asked, 4))
        export = struct.pack(">QH", len(self.shows), HAS_FLAGS | SEND_FLUSH)
        while True:
            magic, option, length = struct.unpack(">8sII", exactly(asked, 16))
            if magic != OPTION_MAGIC:
                return False
            exactly(asked, length)
            if option == OPT_EXPORT_NAME:
                connection.sendall(export if flags & NO_ZEROES else export + bytes(124))
                return True
            if option == OPT_ABORT:
                return False
            if option == OPT_GO:
                information = struct.pack(">H", 0) + export
                connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, REP_INFO, len(information)) + information)
                connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, REP_ACK, 0))
                return True
            connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, REP_UNSUPPORTED, 0))

    def _answer(self, connection, asked):
        magic, _, command, handle, at, length = struct.unpack(">IHHQQI", exactly(asked, 28))
        if magic != REQUEST or command == DISCONNECT:
            return False
        written = exactly(asked, length) if command == WRITE else b""
        error, data = 0, b""
        with self.lock:
            if self.machine is not connection or self._dies_with(command):
                return False
            if command in (READ, WRITE) and at + length > len(self.shows):
                error = EINVAL
            elif command == READ:
                data = bytes(self.shows[at : at + length])
            elif command == WRITE:
                self.shows[at : at + length] = written
                self.cached.append((at, written))
            elif command == FLUSH:
                self._flush()
            else:
                error = EINVAL
        connection.sendall(struct.pack(">IIQ", REPLY, error, handle) + data)
        return True

    def _dies_with(self, command):
        if self.writes_left is not None and command in (WRITE, FLUSH):
            self.writes_left -= 1
            if self.writes_left < 0:
                self.dead.set()
        return self.writes_left is not None and self.writes_left < 0

    def _flush(self):
        self.flushes += 1
        if self.honest:
            for at, data in self.cached:
                self.keeps[at : at + len(data)] = data
            self.cached = []


def exactly(stream, length):
    data = stream.read(length)
    if len(data) != length:
        raise EOFError
    return data
