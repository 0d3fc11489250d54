#!/usr/bin/env python3
"""A punchd driver for a reader at a TCP serial server that sends each card as one line in hexadecimal."""
import contextlib, itertools, json, socket, sys, threading, time

lock, ids, reader = threading.Lock(), itertools.count(1), None

def say(**message):
    with lock:
        print(json.dumps(message), flush=True)

def read(host, port):
    global reader
    while True:
        try:
            reader, rest = socket.create_connection((host, int(port)), timeout=30), b""
            while True:
                say(type="health", condition="working", en=f"reads from {host}", zh=f"正在读取 {host}")
                with contextlib.suppress(socket.timeout):  # nobody came: health is said again
                    data = reader.recv(4096)
                    if not data:
                        raise OSError("the connection was closed")
                    *lines, rest = (rest + data).split(b"\n")
                    for card in filter(None, map(bytes.strip, lines)):
                        say(type="reading", id=next(ids), profile="acme-hex", raw=card.hex(),
                            credential={"kind": "card", "value": card.decode("ascii", "replace")})
        except OSError as error:
            say(type="health", condition="fault", en=f"{host}: {error}", zh=f"{host} 无法读取：{error}")
            time.sleep(2)

say(type="hello", protocol=1, name="acme reader")
for message in map(json.loads, filter(lambda line: line.startswith("{"), sys.stdin)):
    if message.get("type") == "welcome":
        threading.Thread(target=read, kwargs=message["settings"], daemon=True).start()
    elif message.get("type") in ("receipt", "not_recorded"):
        with contextlib.suppress(OSError):  # accepted, already, unknown, refused or out_of_order
            reader.sendall(message["tone"].encode() + b"\n")
    elif message.get("type") == "command":
        say(type="failed", id=message["id"], reason="unsupported")
    elif message.get("type") == "stop":
        sys.exit()
