"""A minimal org.bluez: one adapter, one device with the Nordic UART service. Orders on stdin: `send HEX`
notifies, `drop` disconnects."""

import asyncio
import sys

from dbus_next import BusType, PropertyAccess
from dbus_next.aio import MessageBus
from dbus_next.service import ServiceInterface, dbus_property, method

ADAPTER, UART = "/org/bluez/hci0", "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"
DEVICE = ADAPTER + "/dev_C0_00_00_00_00_01"
SERVICE = DEVICE + "/service0010"


def constant(name, signature, value):
    def get(self) -> signature:
        return value(self) if callable(value) else value

    get.__name__ = name
    return dbus_property(access=PropertyAccess.READ)(get)


class Adapter(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.Adapter1")
        self.discovering = False

    Address = constant("Address", "s", "00:11:22:33:44:55")
    AddressType = constant("AddressType", "s", "public")
    Name = constant("Name", "s", "pi")
    Alias = constant("Alias", "s", "pi")
    Modalias = constant("Modalias", "s", "usb:v1D6Bp0246d0542")
    Discovering = constant("Discovering", "b", lambda self: self.discovering)
    UUIDs = constant("UUIDs", "as", [])

    @dbus_property()
    def Powered(self) -> "b":
        return True

    @Powered.setter
    def Powered(self, v: "b"):
        pass

    @method()
    def SetDiscoveryFilter(self, f: "a{sv}"):
        pass

    @method()
    def StartDiscovery(self):
        self.discovering = True

    @method()
    def StopDiscovery(self):
        self.discovering = False

    @method()
    def RemoveDevice(self, o: "o"):
        pass


class Device(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.Device1")
        self.connected, self.rssi = False, -50

    Address = constant("Address", "s", "C0:00:00:00:00:01")
    AddressType = constant("AddressType", "s", "random")
    Name = constant("Name", "s", "PUNCH-1")
    Alias = constant("Alias", "s", "PUNCH-1")
    Adapter = constant("Adapter", "o", ADAPTER)
    Connected = constant("Connected", "b", lambda self: self.connected)
    ServicesResolved = constant("ServicesResolved", "b", lambda self: self.connected)
    Paired = constant("Paired", "b", False)
    Trusted = constant("Trusted", "b", False)
    Blocked = constant("Blocked", "b", False)
    LegacyPairing = constant("LegacyPairing", "b", False)
    RSSI = constant("RSSI", "n", lambda self: self.rssi)
    UUIDs = constant("UUIDs", "as", [UART.format(1)])

    def set(self, connected):
        self.connected = connected
        self.emit_properties_changed({"Connected": connected, "ServicesResolved": connected})

    @method()
    def Connect(self):
        self.set(True)

    @method()
    def Disconnect(self):
        self.set(False)


class Service(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.GattService1")

    UUID = constant("UUID", "s", UART.format(1))
    Device = constant("Device", "o", DEVICE)
    Primary = constant("Primary", "b", True)
    Includes = constant("Includes", "ao", [])


class Characteristic(ServiceInterface):
    def __init__(self, uuid, flags):
        super().__init__("org.bluez.GattCharacteristic1")
        self.uuid, self.flags, self.value, self.notifying = uuid, flags, b"", False

    UUID = constant("UUID", "s", lambda self: self.uuid)
    Service = constant("Service", "o", SERVICE)
    Value = constant("Value", "ay", lambda self: self.value)
    Notifying = constant("Notifying", "b", lambda self: self.notifying)
    Flags = constant("Flags", "as", lambda self: self.flags)
    MTU = constant("MTU", "q", 23)

    @method()
    def StartNotify(self):
        self.notifying = True
        self.emit_properties_changed({"Notifying": True})
        print("notify", flush=True)

    @method()
    def StopNotify(self):
        self.notifying = False

    @method()
    def WriteValue(self, v: "ay", o: "a{sv}"):
        print("written", bytes(v), flush=True)

    @method()
    def ReadValue(self, o: "a{sv}") -> "ay":
        return self.value


async def main():
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    adapter, device, tx = Adapter(), Device(), Characteristic(UART.format(3), ["notify"])
    for path, thing in (
        (ADAPTER, adapter),
        (DEVICE, device),
        (SERVICE, Service()),
        (SERVICE + "/char0011", tx),
        (SERVICE + "/char0013", Characteristic(UART.format(2), ["write", "write-without-response"])),
    ):
        bus.export(path, thing)
    await bus.request_name("org.bluez")
    print("ready", flush=True)

    async def advertise():
        while True:
            if adapter.discovering and not device.connected:
                device.rssi = -101 - device.rssi
                device.emit_properties_changed({"RSSI": device.rssi})
            await asyncio.sleep(0.5)

    task = asyncio.create_task(advertise())
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := (await orders.readline()).decode().split():
        if order[0] == "send":
            tx.value = bytes.fromhex(order[1])
            tx.emit_properties_changed({"Value": tx.value})
        else:
            device.set(False)
    task.cancel()


asyncio.run(main())
