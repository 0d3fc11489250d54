//! punchd driver for everything that sends lines over a serial port: scanners and card readers.
