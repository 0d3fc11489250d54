"""pyfingerprint enrols, stores, searches, compares, moves templates and deletes on the virtual fingerprint module."""

import os
import tempfile
import time

from program import Reader, must
from pyfingerprint.pyfingerprint import PyFingerprint


def touched(module, finger):
    """Waits until an image was taken of this finger."""
    must(not module.readImage(), "an image of nothing")
    finger()
    end = time.monotonic() + 10
    while not module.readImage():
        must(time.monotonic() < end, "no image within 10 s")


def main():
    with Reader("fingerprint", "--model", "zfm20") as reader:
        module = PyFingerprint(reader.port, 57600, 0xFFFFFFFF, 0x00000000)
        must(module.verifyPassword(), "the password is refused")
        must(module.getSystemParameters()[1:] == (9, 200, 3, 0xFFFFFFFF, 2, 6), f"{module.getSystemParameters()}")
        must((module.getStorageCapacity(), module.getTemplateCount()) == (200, 0), "its library is not empty")

        for buffer in (1, 2):
            touched(module, lambda: reader.order("touch anna"))
            must(module.convertImage(buffer), "no features")
            must(module.searchTemplate() == (-1, -1), "a finger that nobody stored")
            reader.order("lift")
        must(module.compareCharacteristics() > 0, "two touches of one finger do not match")
        must(module.createTemplate(), "no template of two touches")
        must(module.storeTemplate() == 0, "not stored in the first slot")
        must(module.storeTemplate(9) == 9, "not stored in slot 9")
        used = [slot for slot, is_used in enumerate(module.getTemplateIndex(0)) if is_used]
        must((used, module.getTemplateCount()) == ([0, 9], 2), f"slots {used} are used")

        touched(module, lambda: reader.order("touch anna"))
        with tempfile.TemporaryDirectory() as folder:
            module.downloadImage(os.path.join(folder, "image.bmp"))
        module.convertImage(1)
        slot, score = module.searchTemplate()
        must(slot == 0 and score > 0, f"found in slot {slot} with {score}")
        reader.order("lift")

        # A template goes out and back in, and is the same; pyfingerprint reads it again to compare.
        must(module.loadTemplate(9, 1), "slot 9 cannot be loaded")
        template = module.downloadCharacteristics(1)
        must(len(template) == 512, f"a template of {len(template)} bytes")
        must(module.uploadCharacteristics(2, template), "the template came back another")
        for size in (32, 256, 64, 128):
            module.setMaxPacketSize(size)
            must(module.uploadCharacteristics(1, template), f"in packets of {size} the template came back another")
        must(module.storeTemplate(150, 2) == 150, "not stored in slot 150")

        must(module.deleteTemplate(0) and module.deleteTemplate(9), "not deleted")
        touched(module, lambda: reader.order("touch anna"))
        module.convertImage(1)
        must(module.searchTemplate()[0] == 150, "the finger is not found by the template that was put back")
        reader.order("lift")

        for touch, words in (("touch anna messy", "too messy"), ("touch anna little", "too few")):
            touched(module, lambda: reader.order(touch))
            try:
                module.convertImage(1)
                must(False, f"{touch}: features of a bad image")
            except Exception as error:
                must(words in str(error), f"{touch}: {error}")
            reader.order("lift")
        must(module.generateRandomNumber() != module.generateRandomNumber(), "no random numbers")
        must(module.clearDatabase() and module.getTemplateCount() == 0, "not emptied")
        must(module.setPassword(0x12345678) and module.verifyPassword(), "the new password is refused")


if __name__ == "__main__":
    main()
