"""Half a text is nobody: neighbours of texts that came in pieces, generated over where they were cut."""

from ends import *
from runner import case

ANNA = person("anna", "100234")
# Whoever is told by any tail or head of Anna's number.
TAILS = "".join(person(f"t{n}", "100234"[n:]) for n in range(1, 6))
HEADS = "".join(person(f"h{n}", "100234"[:n]) for n in range(1, 6))


def only_anna(gateway):
    wrong = [p for p in gateway.punches() if p["outcome"] in ("punch", "merged") and p["userid"] != "anna"]
    check("no punch of anybody else", not wrong, [(p["userid"], p["credential"]) for p in wrong])


@case("goodeggs/barcode-scan-listener pull request #2 (partial scans), every cut", limit=90)
def texts_cut_once_over_tcp():
    """Anna's number is cut at each place, and the rest comes 0.8 s later with the line end; then a whole
    line. For every head and every tail there is somebody. Right: never one of them, and the whole lines are
    hers."""
    line = Line()
    settings = dict(port=line.url, credential="user_id", terminator="crlf")
    with Gateway(device("line", "serial_line", **settings), ANNA + TAILS + HEADS) as gateway:
        line.accept().send(1.0)
        for n in range(1, 6):
            line.send(b"100234"[:n], 0.8, b"100234"[n:] + b"\r\n", 0.8, b"100234\r\n", 6.0)
        gateway.settle(5, 3)
        only_anna(gateway)
        check("Anna's whole lines", who(gateway).count("anna") >= 4, gateway.outcomes())


@case("goodeggs/barcode-scan-listener pull request #2 (partial scans), three pieces")
def texts_in_three_pieces_over_tcp():
    """`10`, `02`, `34` and the line end come 0.7 s apart. Right: nobody; Anna's next whole line is hers."""
    line = Line()
    settings = dict(port=line.url, credential="user_id", terminator="crlf")
    with Gateway(device("line", "serial_line", **settings), ANNA + TAILS + HEADS + person("bob", "02")) as gateway:
        line.accept().send(1.0, b"10", 0.7, b"02", 0.7, b"34\r\n", 1.0)
        gateway.settle(0)
        expect("people", [], who(gateway))
        line.send(b"100234\r\n")
        check("then a punch of Anna", until(lambda: who(gateway) == ["anna"], 5), gateway.outcomes())


@case("pauldemarco/flutter_blue issue #648, three notifications", needs=("ble",), limit=80)
def texts_in_three_notifications():
    """`10`, `02` and `34` with the line end come 400 ms apart over Bluetooth. Right: nobody but Anna."""
    radio = Bluetooth()
    people = ANNA + TAILS + HEADS + person("bob", "02")
    with Gateway(device("ble", **BLUETOOTH), people, env=radio.env) as gateway:
        radio.listened()
        radio.send(b"10", 0.4, b"02", 0.4, b"34\n", 2.0)
        gateway.settle(1, 2)
        only_anna(gateway)


@case("the opposite of the cases above: what must not be lost by a cure")
def texts_byte_by_byte():
    """A serial server sends each byte in a packet of its own, a few milliseconds apart. Right: a punch of Anna."""
    line = Line()
    settings = dict(port=line.url, credential="user_id", terminator="crlf")
    with Gateway(device("line", "serial_line", **settings), ANNA + TAILS + HEADS) as gateway:
        line.accept()
        line.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.send(1.0)
        for byte in b"100234\r\n":
            line.send(bytes([byte]), 0.004)
        gateway.settle(1, 5)
        expect("people", ["anna"], who(gateway))


@case("a door with two readers")
def texts_of_one_card_at_two_readers():
    """A card is held between two readers of one door, and both tell it. Right: two readings, one record in
    WeCom, once."""
    a, b = Line(), Line()
    blocks = "".join(device(n, "serial_line", port=x.url, format="rdm6300") for n, x in (("in", a), ("out", b)))
    with Gateway(blocks, person("anna", cards=["0100745A70"]), merge="60s") as gateway:
        a.accept()
        b.accept().send(1.0, rdm("0100745A70"))
        a.send(rdm("0100745A70"), 2.0)
        expect("punches in WeCom", 1, len(gateway.settle(2, 5).wecom()))
        expect("readings", 2, len(gateway.punches()))
        expect("twice", [], gateway.twice())


@case("inventree/inventree-app issue #625 (several codes in view), three of them")
def texts_of_three_cards_in_turn():
    """Three cards lie in the field and are told in turn for eight seconds. Right: hardly more than three readings."""
    line = Line()
    with Gateway(device("line", "serial_line", port=line.url, format="rdm6300"), ANNA) as gateway:
        line.accept().send(1.0)
        for _ in range(27):
            line.send(*[x for card in ("0100745A70", "0D00319CD0", "5E00207B32") for x in (rdm(card), 0.1)])
        gateway.settle(3)
        check("3 to 6 readings", 3 <= len(gateway.punches()) <= 6, len(gateway.punches()))


@case("readers of many makes: lengths that no format has", needs=("mount",), limit=70)
def texts_of_other_lengths_on_two_wires():
    """Frames of 27, 29, 31, 39 and 50 bits. Right: each is a reading that is kept, and none is a person."""
    wires = Wires()
    people = person("anna", cards=["04A1B2C3"]) + person("bob", "34")
    with Gateway(device("wall", **WIRES), people, env=wires.env) as gateway:
        time.sleep(1.5)
        for n in (27, 29, 31, 39, 50):
            wires.send(f"{0x2DEADBEEF12345 % (1 << n) | 1 << (n - 1):b}", us=1000, pause=2200)
        gateway.settle(5, 4)
        expect("readings", 5, len(gateway.punches()))
        expect("people", [], who(gateway))
