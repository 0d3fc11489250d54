"""libnfc's nfc-list sees every card that is laid on the virtual PN532, one after the other on one port, as it sees real ones."""

import os
import re
import subprocess

from program import Reader, must

# What is laid on it, the heading under which nfc-list shows it, and what it must say of it.
CARDS = [
    ("classic:01020304", "ISO14443A", ["01020304"], ["MIFARE Classic 1K", "SAK (SEL_RES): 08"]),
    ("classic:04112233445566", "ISO14443A", ["04112233445566"], ["UID size: double", "SAK (SEL_RES): 08"]),
    ("ntag:04A1B2C3D4E580", "ISO14443A", ["04A1B2C3D4E580"], ["UID size: double", "MIFARE Ultralight"]),
    ("plain:0102030405060708090A", "ISO14443A", ["0102030405060708090A"], ["UID size: triple"]),
    ("desfire:04A1B2C3D4E581", "ISO14443A", ["04A1B2C3D4E581"], ["MIFARE DESFire", "ATS: 75  77  81  02  80"]),
    ("phone", "ISO14443A", None, ["Random UID", "Compliant with ISO/IEC 14443-4"]),
    ("b:11223344", "ISO14443B", ["11223344"], ["PICC supports only 106 kbits/s in both directions"]),
    ("felica:0102030405060708", "Felica (212 kbps)", ["0102030405060708"], ["System Code (SC): 88  b4"]),
]
NUMBER = re.compile(r"(?:UID \(NFCID[13]\)|PUPI|ID \(NFCID2\)): ((?:[0-9a-f]{2} *)+)$", re.MULTILINE)


def listed(port):
    """What nfc-list prints, by the heading of each kind of card: how many, and the text."""
    environment = {**os.environ, "LIBNFC_DEVICE": f"pn532_uart:{port}", "LIBNFC_LOG_LEVEL": "0"}
    told = subprocess.run(["nfc-list", "-v"], env=environment, capture_output=True, text=True, timeout=60)
    must(told.returncode == 0, f"nfc-list ended with {told.returncode}: {told.stdout}{told.stderr}")
    parts = re.split(r"^(\d+) (.*?) passive target\(s\) found[:.]$", told.stdout, flags=re.MULTILINE)
    return {kind: (int(count), text) for count, kind, text in zip(parts[1::3], parts[2::3], parts[3::3])}


def numbers(text):
    return [number.replace(" ", "").strip().upper() for number in NUMBER.findall(text)]


def main():
    with Reader("pn532") as reader:
        nothing = listed(reader.port)
        must(len(nothing) >= 8, f"nfc-list tells of few kinds of cards: {list(nothing)}")
        must(not any(count for count, _ in nothing.values()), f"a card on an empty reader: {nothing}")
        for card, kind, number, words in CARDS:
            reader.order(f"present {card}")
            found = listed(reader.port)
            count, text = found[kind]
            must(count == 1, f"{card}: {count} of {kind}")
            must(number is None or numbers(text) == number, f"{card}: {numbers(text)}")
            for word in words:
                must(word in text, f"{card}: nothing of {word!r} in {text}")
            others = {k for k, (count, _) in found.items() if count and k != kind}
            must(others <= {"Felica (424 kbps)"}, f"{card}: seen as {others} as well")
            reader.order("remove")
        # A phone makes up another number every time.
        reader.order("present phone")
        seen = {numbers(listed(reader.port)["ISO14443A"][1])[0] for _ in range(3)}
        must(len(seen) == 3 and all(number.startswith("08") for number in seen), f"a phone's numbers: {seen}")
        reader.order("remove")
        # Two at once; and a chip that lost its power meanwhile.
        reader.order("brown-out")
        reader.order("present 01020304")
        reader.order("present 0A0B0C0D")
        count, text = listed(reader.port)["ISO14443A"]
        must(count == 2 and sorted(numbers(text)) == ["01020304", "0A0B0C0D"], f"two cards: {count}, {text}")


if __name__ == "__main__":
    main()
