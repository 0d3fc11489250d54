"""libnfc's programs read the memory of the cards on the virtual PN532: 64 blocks of a MIFARE Classic, and an NTAG's pages."""

import os
import subprocess
import tempfile

from program import Reader, must


def run(port, folder, *words):
    environment = {**os.environ, "LIBNFC_DEVICE": f"pn532_uart:{port}", "LIBNFC_LOG_LEVEL": "0"}
    told = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    must(told.returncode == 0, f"{words[0]} ended with {told.returncode}: {told.stdout}{told.stderr}")
    return told.stdout


def main():
    with tempfile.TemporaryDirectory() as folder, Reader("pn532") as reader:
        reader.order("present classic:01020304")
        said = run(reader.port, folder, "nfc-mfclassic", "r", "a", "u", "dump.mfd")
        must("64 of 64 blocks read" in said, said)
        with open(os.path.join(folder, "dump.mfd"), "rb") as dump:
            blocks = dump.read()
        must(blocks[:5] == bytes([1, 2, 3, 4, 1 ^ 2 ^ 3 ^ 4]), f"block 0: {blocks[:16].hex()}")
        must(blocks[48:54] == b"\xff" * 6 and len(blocks) == 1024, f"{len(blocks)} bytes")
        reader.order("remove")

        reader.order("present ntag:04A1B2C3D4E580")
        said = run(reader.port, folder, "nfc-mfultralight", "r", "dump.mfu")
        with open(os.path.join(folder, "dump.mfu"), "rb") as dump:
            pages = dump.read()
        must(pages[:3] + pages[4:8] == bytes.fromhex("04A1B2C3D4E580"), f"pages: {pages[:16].hex()}")
        must(b"example.com" in pages, f"{said} {pages[16:48].hex()}")


if __name__ == "__main__":
    main()
