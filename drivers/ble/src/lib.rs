//! punchd drivers for Bluetooth Low Energy: devices that notify, and badges that advertise.
