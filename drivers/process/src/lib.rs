//! punchd driver for any program that speaks JSON Lines on stdin and stdout.
