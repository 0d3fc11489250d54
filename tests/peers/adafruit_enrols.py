"""Adafruit's fingerprint library enrols, searches, moves templates and lights the ring on the virtual fingerprint module."""

import argparse
import sys
import types

from program import Reader, must

# The library is written for boards; of their modules it needs two names.
sys.modules["busio"] = types.SimpleNamespace(UART=object)
sys.modules["micropython"] = types.SimpleNamespace(const=lambda number: number)

import adafruit_fingerprint as adafruit  # noqa: E402
import serial  # noqa: E402


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--model", default="r503")
    model = words.parse_args().model
    with Reader("fingerprint", "--model", model) as reader, serial.Serial(reader.port, 57600, timeout=5) as line:
        # A capacitive module says 55 when it has started; on a board that is long over.
        line.timeout = 0.5
        line.read(1)
        line.timeout = 5
        module = adafruit.Adafruit_Fingerprint(line)
        must(module.check_module(), "no echo")
        must(module.count_templates() == adafruit.OK and module.template_count == 0, "its library is not empty")

        must(module.get_image() == adafruit.NOFINGER, "an image of nothing")
        for buffer in (1, 2):
            reader.order("touch anna")
            must(module.get_image() == adafruit.OK, "no image")
            must(module.image_2_tz(buffer) == adafruit.OK, "no features")
            reader.order("lift")
        must(module.create_model() == adafruit.OK, "no template of two touches")
        must(module.store_model(7) == adafruit.OK, "not stored")
        must(module.read_templates() == adafruit.OK and module.templates == [7], f"slots {module.templates}")

        reader.order("touch anna")
        must((module.get_image(), module.image_2_tz(1)) == (adafruit.OK, adafruit.OK), "no features")
        for search in (module.finger_search, module.finger_fast_search):
            must(search() == adafruit.OK and module.finger_id == 7 and module.confidence > 0, f"{search}")
        reader.order("lift")
        reader.order("touch bert")
        must((module.get_image(), module.image_2_tz(1)) == (adafruit.OK, adafruit.OK), "no features")
        must(module.finger_fast_search() == adafruit.NOTFOUND, "a finger that nobody stored")
        reader.order("lift")

        must(module.load_model(7, 1) == adafruit.OK, "slot 7 cannot be loaded")
        template = module.get_fpdata("char", 1)
        must(len(template) == (1536 if model == "r503" else 512), f"a template of {len(template)} bytes")
        must(module.send_fpdata(template, "char", 2), "the template was not sent")
        must(module.get_fpdata("char", 2) == template, "the template came back another")
        must(module.store_model(8, 2) == adafruit.OK, "not stored")
        must(module.compare_templates() == adafruit.OK, "a template does not match itself")

        if model == "r503":
            must(module.set_led(color=2, mode=1) == adafruit.OK, "the ring does not shine")
            must("Breathe" in reader.order("light"), "the ring shows something else")
        must(module.delete_model(7) == adafruit.OK and module.delete_model(8) == adafruit.OK, "not deleted")
        must(module.load_model(7) != adafruit.OK, "what was deleted is there")
        module.soft_reset()
        must(module.empty_library() == adafruit.OK, "not emptied")


if __name__ == "__main__":
    main()
