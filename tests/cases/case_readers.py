"""Readers at the gateway itself: serial lines, keyboards, Wiegand, Bluetooth."""

from ends import *
from runner import case

ANNA = person("anna", "100234", cards=["04A1B2C3"])
BOB = person("bob", "34", "234", cards=["C3D4"])
# ---- half a text is nobody


@case("goodeggs/barcode-scan-listener pull request #2 (partial scans)")
def half_a_line_over_tcp():
    """Anna is 100234, Bob is 34. `1002`, 700 ms (one retransmission), `34` and line end: Bob got a punch.
    Right: nobody; and Anna's next whole line is hers."""
    line = Line()
    with Gateway(
        device("line", "serial_line", port=line.url, credential="user_id", terminator="crlf"), ANNA + BOB
    ) as gateway:
        line.accept().send(1.0, b"1002", 0.7, b"34\r\n")
        nobody_is_taken_for(gateway, "bob")
        line.send(b"100234\r\n")
        check("then a punch of Anna", until(lambda: who(gateway) == ["anna"], 5), gateway.outcomes())


@case("pauldemarco/flutter_blue issue #648 (one message in several notifications)", needs=("ble",), limit=80)
def half_a_line_over_bluetooth():
    """As above: the notifications `1002` and `34` come 400 ms apart. Right: no punch of Bob."""
    radio = Bluetooth()
    with Gateway(device("ble", **BLUETOOTH), ANNA + BOB, env=radio.env) as gateway:
        radio.listened()
        radio.send(b"1002", 0.4, b"34\n")
        nobody_is_taken_for(gateway, "bob")


@case("keypads on which people type", needs=("mount",))
def half_a_number_on_a_keyboard():
    """Set as the manual says for keypads (Enter, 5 s): Anna types 1002, thinks for 6 s, types 34 and Enter.
    Right: no punch of Bob."""
    keys = Keyboard()
    with Gateway(
        device("kb", **KEYBOARD, credential="user_id", terminator="enter", idle_ms=5000), ANNA + BOB, env=keys.env
    ) as gateway:
        time.sleep(1.5)
        keys.type("1002")
        time.sleep(6)
        keys.type("34\n")
        nobody_is_taken_for(gateway, "bob")


@case("keypads on which people type", needs=("mount",))
def half_a_number_on_a_wall_keypad():
    """At a Wiegand reader with keys: 1002, 10.5 s, 34#. Right: no punch of Bob."""
    wires = Wires()
    with Gateway(device("wall", **WIRES, keypad=True), ANNA + BOB, env=wires.env) as gateway:
        time.sleep(1.5)
        wires.keys("1002")
        time.sleep(10.2)
        wires.keys("34#")
        nobody_is_taken_for(gateway, "bob")


# ---- Wiegand through the real GPIO path


@case("gpiocdev 0.8.0: of eight waiting edges seven are dropped", needs=("mount",), limit=90)
def wiegand_100_cards_at_2_ms():
    """A hundred cards of 34 bits, 2 ms a bit, 150 ms between cards. Right: a hundred punches."""
    hundred(2000)


@case("gpiocdev 0.8.0: of eight waiting edges seven are dropped", needs=("mount",), limit=90)
def wiegand_100_cards_at_200_us():
    """As above with 200 µs a bit. Right: a hundred punches."""
    hundred(200)


@case("gpiocdev 0.8.0: of eight waiting edges seven are dropped", needs=("mount",))
def wiegand_cards_in_busy_moments():
    """Ten cards, each while the gateway is busy for a tenth of a second. Right: ten punches."""
    wires = Wires(one=False)
    with Gateway(
        device("wall", **WIRES), "".join(person(f"u{i}", cards=[f"04A1B2{i:02X}"]) for i in range(10)), env=wires.env
    ) as gateway:
        time.sleep(1.5)
        for i in range(10):
            busy_moment(gateway, wires, w34(0x04A1B200 + i))
        expect("people", 10, len(set(who(gateway.settle(10, 3)))))


@case("esprfid/esp-rfid issue #469 (HID 37 bits); RfidResearchGroup/proxmark3 issue #273", needs=("mount",))
def wiegand_37_bits():
    """Half of all HID 37-bit cards were refused: both parity groups have 19 bits and share bit 19. Fed: two
    captured cards, and facility 666 with cards 400000–400002. Right: five readings, all of cards."""
    wires, cards = Wires(), [(666, 31337), (1234, 56789), (666, 400000), (666, 400001), (666, 400002)]
    expect("the captured frames", [0x1029A0F4D2, 0x104D21BBAA], [int(h10304(*c), 2) for c in cards[:2]])
    with Gateway(
        device("wall", **WIRES), person("anna", cards=[f"{666 << 19 | 400001:010X}"]), env=wires.env
    ) as gateway:
        time.sleep(1.5)
        wires.send(*(h10304(*c) for c in cards), us=2000, pause=400)
        gateway.settle(5, 5)
        expect(
            "credentials",
            sorted(f"{f << 19 | n:010X}" for f, n in cards),
            sorted(p["credential"].upper().removeprefix("HEX:") for p in gateway.punches()),
        )
        expect("people", ["anna"], who(gateway))


@case("HID Corporate 1000 (35 bits)", needs=("mount",))
def wiegand_unknown_length():
    """Cards of 35 bits are said to be unsupported, and were not kept: their punches could never be
    recovered. Right: an unreadable reading for each of three, none of a person."""
    wires = Wires()
    with Gateway(device("wall", **WIRES), ANNA, env=wires.env) as gateway:
        time.sleep(1.5)
        for i in range(3):
            wires.send(f"{0x2DEADBEEF + 5 * i:035b}", us=2000, pause=2200)
        gateway.settle(3, 4)
        expect("kinds", ["unreadable"] * 3, [p["credential_kind"] for p in gateway.punches()])


# ---- lines that die or say nothing


@case("cminyard/ser2net issue #33 (power lost, no FIN)", limit=100)
def serial_server_vanishes():
    """The serial server loses power without a word and comes back; nobody noticed, all punches were lost
    until a restart. Right: within 60 s the line is opened again (or status is in fault)."""
    line = Line()
    with Gateway(device("line", "serial_line", port=line.url, credential="user_id"), ANNA) as gateway:
        line.accept().send(1.0, b"100234\r\n")
        gateway.settle(1, 5)
        vanish(line)
        again = until_connected(line, gateway, 60)
        check("a new connection or a fault within 60 s", again, gateway.health("line"))


@case("microsoft/pxt-microbit issue #1659 (uartWriteString without newline)", needs=("ble",), limit=80)
def bluetooth_without_newline():
    """The device ends its notifications without a line end; nothing was ever heard, and status said
    "working". Right: readings, or a warning or fault that says so."""
    radio = Bluetooth()
    with Gateway(device("ble", **BLUETOOTH), ANNA, env=radio.env) as gateway:
        radio.listened()
        for _ in range(4):
            radio.send(b"100234", 3.5)
        check("a reading or a warning", "anna" in who(gateway) or gateway.warned("ble"), gateway.health("ble"))


@case("goodeggs/barcode-scan-listener pull request #2; stalls of SD cards")
def cards_without_terminator_on_a_slow_disk():
    """A 10-digit reader without line end; three people 350 ms apart, while the disk takes 0.9 s. The second
    and third were joined and lost. Right: three punches."""
    line, disk = Line(), SlowDisk()
    people = "".join(person(n, cards=[c]) for n, c in (("anna", "00745A70"), ("bob", "00745A71"), ("cy", "00745A72")))
    with Gateway(
        device("line", "serial_line", port=line.url, credential="card", number="8H10D"), people, env=disk.env
    ) as gateway:
        line.accept().send(1.0)
        with disk:
            line.send(b"0007625328", 0.35, b"0007625329", 0.35, b"0007625330", 4.0)
        expect("people", ["anna", "bob", "cy"], who(gateway.settle(3, 5)))


@case("MiczFlor/RPi-Jukebox-RFID pull request #2466 (clock set during a swipe)", needs=("mount",))
def clock_set_while_a_card_is_typed():
    """A time server sets the clock an hour forward between two keys of 100234; the tail 234 was somebody
    else. Right: Anna's punch."""
    keys = Keyboard()
    with Gateway(device("kb", **KEYBOARD, credential="user_id"), ANNA + BOB, env=keys.env) as gateway:
        time.sleep(1.5)
        keys.type("100")
        keys.step = 3600.0
        keys.type("234\n")
        gateway.settle(1, 4)
        expect("people", ["anna"], who(gateway))


@case("inventree/inventree-app issue #625 (several codes in view)")
def two_cards_that_alternate():
    """Two cards lie in the field and are told in turn, ten times a second, for ten seconds: a hundred
    readings. Right: hardly more than two."""
    line = Line()
    with Gateway(device("line", "serial_line", port=line.url, format="rdm6300"), ANNA) as gateway:
        line.accept().send(1.0)
        for _ in range(50):
            line.send(rdm("0100745A70"), 0.1, rdm("0D00319CD0"), 0.1)
        gateway.settle(2)
        check("at most 4 readings", 2 <= len(gateway.punches()) <= 4, len(gateway.punches()))


@case("Klipper3d/klipper issue #5186 (two CH340, one by-id link)", needs=("mount",), limit=90)
def discover_two_equal_adapters():
    """Two adapters without serial number share one name under /dev/serial/by-id; the last one gets it.
    `devices discover` advised it. Right: by-path for both."""
    found = discover("usb-1a86_USB_Serial-if00-port0", "ttyUSB1")
    check("both by-path names", all(f"by-path/platform-x.usb-usb-0:1.{i}:1.0-port0" in found for i in (1, 2)), found)
    check("no by-id name advised", 'port = "/dev/serial/by-id' not in found, found)


@case("optolink-splitter issue #236, klipper issue #299 (ttyUSB0 and ttyUSB1 exchange)")
def check_warns_of_kernel_names():
    """Two readers at /dev/ttyUSB0 and /dev/ttyUSB1 exchanged their names at a restart: who came in had gone
    out. Right: `punchd check` advises a name that stays."""
    devices = "".join(
        device(n, "serial_line", port=f"/dev/ttyUSB{i}", credential="user_id") for i, n in enumerate(("in", "out"))
    )
    gateway = Gateway(devices, ANNA)
    r = gateway.cli("check")
    gateway.stop(gateway.procs[0])
    check(
        "a word of by-path or by-id",
        "by-path" in r.stdout + r.stderr or "by-id" in r.stdout + r.stderr,
        r.stdout[-500:],
    )


@case("PN532: one answer with a wrong checksum")
def pn532_one_corrupt_answer():
    """One corrupt answer made the reader blind for a second; a card of 0.8 s was missed, without a sign.
    Right: asked again at once, four of four are read."""
    read_in_spite_of("corrupt")


@case("odoo pull request #214407 (French and Belgian layouts)", needs=("mount",))
def reader_of_another_layout_is_named():
    """A reader set to AZERTY types every digit with Shift. The advice was to take the text for a code,
    which would make `))!#` an identity. Right: kept, and status names the layout."""
    keys = Keyboard()
    with Gateway(device("kb", **KEYBOARD), person("anna", cards=["00D1CAAF"]), env=keys.env) as gateway:
        time.sleep(1.5)
        for n in ("0013748911", "0013748912", "0013748913"):
            keys.event(1, 42, 1)
            keys.type(n)
            keys.event(1, 42, 0)
            keys.type("\n")
            time.sleep(0.5)
        gateway.settle(1, 4)
        words = gateway.said("kb")
        check(
            "a word of the layout, none of token", ("layout" in words or "US " in words) and "token" not in words, words
        )


@case("bastianraschke/pyfingerprint issue #44 (R308 has no ReadSysPara)", limit=70)
def finger_module_silent_to_one_command():
    """The module answers the password and everything else, and nothing to ReadSysPara. "No fingerprint
    module answers, check TX and RX" cost people a day. Right: it works, or the sentence does not deny that
    there is a module."""
    with Gateway(device("fp", "fingerprint", port=FingerModule(0x0F).url), ANNA) as gateway:
        time.sleep(25)
        condition, words = gateway.health("fp")
        check(
            "working, or true words",
            condition == "working" or "no fingerprint module answers" not in words,
            (condition, words),
        )


@case("readers at the edge of their wiring", needs=("mount",))
def wiegand_spoilt_frames_are_counted():
    """Every third frame loses an edge: a third of all people were told nothing, and after the next good
    card status was "working". Right: a warning, or how many were spoilt."""
    wires = Wires()
    with Gateway(
        device("wall", **WIRES), "".join(person(f"u{i}", cards=[f"04A1B2{i:02X}"]) for i in range(15)), env=wires.env
    ) as gateway:
        time.sleep(1.5)
        frames = [w34(0x04A1B200 + i) for i in range(15)]
        wires.send(*(f[:9] + "x" + f[10:] if i % 3 == 1 else f for i, f in enumerate(frames)), us=1000, pause=400)
        gateway.settle(10, 5)
        expect("readings", 10, len(gateway.punches()))
        condition, words = gateway.health("wall")
        check(
            "a warning, or a count of what was spoilt",
            condition in ("warning", "fault") or "5 of" in words,
            (condition, words),
        )


# ---- right today, and to stay so


@case("odoo pull request #214407 (kiosk in another layout); captures of a USB reader", needs=("mount",))
def keyboard_reader():
    """A reader that types ten digits and Enter; twenty-four codes in a burst. Right: each is one reading,
    the card is Anna's."""
    keys = Keyboard()
    with Gateway(device("kb", **KEYBOARD), person("anna", cards=["00D1CAAF"]), env=keys.env) as gateway:
        time.sleep(1.5)
        keys.type("0013748911\n")
        for i in range(24):
            keys.type(f"00137500{i:02}\n")
        gateway.settle(25, 8)
        expect("readings and people", (25, ["anna"]), (len(gateway.punches()), who(gateway)))


@case("arduino12/rdm6300 issue #14; esphome issue #13753 (ID-20LA)")
def rdm6300_frames():
    """One card told thirty times is one reading; CR LF before ETX (ID-20LA); half a frame, then a whole
    one. Right: three readings."""
    line = Line()
    with Gateway(
        device("line", "serial_line", port=line.url, format="rdm6300"), person("anna", cards=["0100745A70"])
    ) as gateway:
        line.accept().send(1.0, *[rdm("0100745A70"), 0.065] * 30)
        line.send(0.4, rdm("5E00207B32", b"\r\n"), 0.4, rdm("0D00319CD0")[:8], rdm("0D00319CD0"))
        gateway.settle(3, 5)
        expect("readings and people", (3, ["anna"]), (len(gateway.punches()), who(gateway)))


@case("stalls of SD cards")
def lines_on_a_slow_disk():
    """Three lines with a line end, 350 ms apart, while the disk takes 0.9 s. Right: three punches."""
    line, disk = Line(), SlowDisk()
    people = "".join(person(n, u) for n, u in (("anna", "100234"), ("bob", "34"), ("cy", "35")))
    with Gateway(
        device("line", "serial_line", port=line.url, credential="user_id", terminator="crlf"), people, env=disk.env
    ) as gateway:
        line.accept().send(1.0)
        with disk:
            line.send(b"100234\r\n", 0.35, b"34\r\n", 0.35, b"35\r\n", 4.0)
        expect("people", ["anna", "bob", "cy"], who(gateway.settle(3, 5)))


@case("masuidrive/esp-nimble-nordic-uart (fragments of 20 bytes)", needs=("ble",), limit=80)
def bluetooth_fragments():
    """A message of 22 bytes in two notifications 30 ms apart; the same message again after 5 s. Right: two
    punches of Anna."""
    radio = Bluetooth()
    with Gateway(device("ble", **BLUETOOTH), person("anna", "EMP-0000000000100234"), env=radio.env) as gateway:
        radio.listened()
        for _ in range(2):
            radio.send(b"EMP-0000000000100234", 0.03, b"\r\n", 5.0)
        expect("people", ["anna", "anna"], who(gateway.settle(2, 4)))


@case("the opposite of the cases above: what must not be lost by a cure")
def whole_texts_and_people_in_turn():
    """A scanner without line end sends whole codes 2 s apart; two people at a card reader in turn, 4 s
    apart, twice each. Right: three and four readings."""
    a, b = Line(), Line()
    with Gateway(
        device("scan", "serial_line", port=a.url, credential="user_id")
        + device("rdm", "serial_line", port=b.url, format="rdm6300"),
        ANNA + person("bob", "34") + person("cyd", "777"),
    ) as gateway:
        a.accept().send(1.0, b"100234", 2.0, b"34", 2.0, b"777", 2.0)
        b.accept().send(*[rdm("0100745A70"), 4.0, rdm("0D00319CD0"), 4.0] * 2)
        gateway.settle(7, 4)
        expect("people", ["anna", "bob", "cyd"], who(gateway))
        expect("readings", 7, len(gateway.punches()))
