//! punchd driver for wall readers that speak Wiegand over two GPIO lines.
