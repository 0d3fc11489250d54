"""org.bluez on a private bus, as the real one looks from outside: an adapter, devices around it, and everything that goes wrong.

Written from BlueZ's description of its D-Bus interfaces, over dbus-next; it shares nothing with the driver.
"""

import asyncio
import os
import subprocess
import tempfile

from dbus_next import DBusError, PropertyAccess, Variant
from dbus_next.aio import MessageBus
from dbus_next.service import ServiceInterface, dbus_property, method

READ = PropertyAccess.READ
NUS = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
NUS_WRITE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
NUS_NOTIFY = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
ROOT = "/org/bluez"

POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    """A dbus-daemon of our own; every program that is started after it uses it as the system bus."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="punchd-bus-")
        socket = os.path.join(self.folder.name, "bus")
        policy = os.path.join(self.folder.name, "bus.conf")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY.format(socket=socket))
        words = ["dbus-daemon", f"--config-file={policy}", "--nofork", "--print-address"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.address = f"unix:path={socket}"
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


class Adapter(ServiceInterface):
    """org.bluez.Adapter1"""

    def __init__(self, bluez, number):
        super().__init__("org.bluez.Adapter1")
        self.bluez, self.path = bluez, f"{ROOT}/hci{number}"
        self.address = f"02:00:00:00:00:0{number}"
        self.powered = False
        # Who discovers, and what for.
        self.discovering, self.filters = set(), {}

    def switch(self, powered):
        if powered == self.powered:
            return
        self.powered = powered
        if not powered:
            self.discovering.clear()
            self.bluez.all_disconnect(self)
        self.emit_properties_changed({"Powered": powered, "Discovering": bool(self.discovering)})

    @dbus_property(access=READ)
    def Address(self) -> "s":
        return self.address

    @dbus_property(access=READ)
    def AddressType(self) -> "s":
        return "public"

    @dbus_property(access=READ)
    def Name(self) -> "s":
        return "fake"

    @dbus_property(access=READ)
    def Alias(self) -> "s":
        return "fake"

    @dbus_property(access=READ)
    def Modalias(self) -> "s":
        return "usb:v1D6Bp0246d0542"

    @dbus_property(access=READ)
    def Discovering(self) -> "b":
        return bool(self.discovering)

    @dbus_property()
    def Powered(self) -> "b":
        return self.powered

    @Powered.setter
    def Powered(self, powered: "b"):
        self.bluez.switched.append(powered)
        if powered and self.bluez.blocked:
            raise DBusError("org.bluez.Error.Blocked", "Blocked through rfkill")
        self.switch(powered)

    @method()
    def SetDiscoveryFilter(self, properties: "a{sv}"):
        self.filters[self.bluez.caller] = {key: value.value for key, value in properties.items()}

    @method()
    def StartDiscovery(self):
        self.bluez.calls.append("StartDiscovery")
        if not self.powered:
            raise DBusError("org.bluez.Error.NotReady", "Resource Not Ready")
        if self.bluez.caller in self.discovering:
            raise DBusError("org.bluez.Error.InProgress", "Operation already in progress")
        self.discovering.add(self.bluez.caller)

    @method()
    def StopDiscovery(self):
        self.bluez.calls.append("StopDiscovery")
        if self.bluez.caller not in self.discovering:
            raise DBusError("org.bluez.Error.Failed", "No discovery started")
        self.discovering.discard(self.bluez.caller)

    @method()
    def RemoveDevice(self, device: "o"):
        if not self.bluez.forget(device):
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
        self.bluez.calls.append("RemoveDevice")

    def hears(self, services):
        """Whether any of those who discover wants to hear a device with these services."""
        filters = [self.filters.get(client, {}).get("UUIDs", []) for client in self.discovering]
        return any(not wanted or set(wanted) & set(services) for wanted in filters)


class Device(ServiceInterface):
    """org.bluez.Device1, as long as the daemon knows the device."""

    def __init__(self, bluez, adapter, thing):
        super().__init__("org.bluez.Device1")
        self.bluez, self.adapter, self.thing = bluez, adapter, thing
        self.path = f"{adapter.path}/dev_{thing.address.replace(':', '_')}"
        self.connected = self.resolved = False
        self.pipe = None

    def told(self):
        return {company: Variant("ay", data) for company, data in self.thing.manufacturer.items()}

    def hear(self, rssi):
        changed = {"RSSI": rssi}
        if self.thing.manufacturer:
            changed["ManufacturerData"] = self.told()
        self.thing.rssi = rssi
        self.emit_properties_changed(changed)

    def drop(self, tell=True):
        """The connection is gone. Without a word only we know."""
        if not self.connected:
            return
        self.connected = self.resolved = False
        for path, interface in self.pipe or ():
            self.bluez.bus.unexport(path, interface)
        self.pipe = None
        if tell:
            self.emit_properties_changed({"Connected": False, "ServicesResolved": False})

    @dbus_property(access=READ)
    def Address(self) -> "s":
        return self.thing.address

    @dbus_property(access=READ)
    def AddressType(self) -> "s":
        return "random"

    @dbus_property(access=READ)
    def Name(self) -> "s":
        return self.thing.name

    @dbus_property(access=READ)
    def Alias(self) -> "s":
        return self.thing.name

    @dbus_property(access=READ)
    def Adapter(self) -> "o":
        return self.adapter.path

    @dbus_property(access=READ)
    def Paired(self) -> "b":
        return False

    @dbus_property(access=READ)
    def Trusted(self) -> "b":
        return False

    @dbus_property(access=READ)
    def Blocked(self) -> "b":
        return False

    @dbus_property(access=READ)
    def LegacyPairing(self) -> "b":
        return False

    @dbus_property(access=READ)
    def UUIDs(self) -> "as":
        return self.thing.services

    @dbus_property(access=READ)
    def RSSI(self) -> "n":
        return self.thing.rssi

    @dbus_property(access=READ)
    def ManufacturerData(self) -> "a{qv}":
        return self.told()

    @dbus_property(access=READ)
    def Connected(self) -> "b":
        return self.connected

    @dbus_property(access=READ)
    def ServicesResolved(self) -> "b":
        return self.resolved

    @method()
    async def Connect(self):
        self.bluez.calls.append("Connect")
        await asyncio.sleep(0.1)
        if self.thing.gone:
            await asyncio.sleep(1)
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local")
        if self.connected:
            return
        self.connected = True
        self.emit_properties_changed({"Connected": True})
        asyncio.get_running_loop().call_later(0.2, self.resolve)

    def resolve(self):
        if not self.connected or self.pipe is not None:
            return
        service = Service(self)
        path = f"{self.path}/service000a"
        write = Characteristic(self.thing, path, NUS_WRITE, ["write", "write-without-response"])
        notify = Characteristic(self.thing, path, NUS_NOTIFY, ["notify"])
        self.pipe = [(path, service), (f"{path}/char000b", write), (f"{path}/char000d", notify)]
        for place, interface in self.pipe:
            self.bluez.bus.export(place, interface)
        self.resolved = True
        self.emit_properties_changed({"ServicesResolved": True})

    @method()
    def Disconnect(self):
        if not self.connected:
            raise DBusError("org.bluez.Error.NotConnected", "Not Connected")
        self.drop()


class Service(ServiceInterface):
    """org.bluez.GattService1"""

    def __init__(self, device):
        super().__init__("org.bluez.GattService1")
        self.device = device

    @dbus_property(access=READ)
    def UUID(self) -> "s":
        return NUS

    @dbus_property(access=READ)
    def Primary(self) -> "b":
        return True

    @dbus_property(access=READ)
    def Device(self) -> "o":
        return self.device.path


class Characteristic(ServiceInterface):
    """org.bluez.GattCharacteristic1"""

    def __init__(self, thing, service, uuid, flags):
        super().__init__("org.bluez.GattCharacteristic1")
        self.thing, self.service, self.uuid, self.flags = thing, service, uuid, flags
        self.value, self.notifying = b"", False

    def send(self, value):
        self.value = value
        self.emit_properties_changed({"Value": value})

    @dbus_property(access=READ)
    def UUID(self) -> "s":
        return self.uuid

    @dbus_property(access=READ)
    def Service(self) -> "o":
        return self.service

    @dbus_property(access=READ)
    def Value(self) -> "ay":
        return self.value

    @dbus_property(access=READ)
    def Notifying(self) -> "b":
        return self.notifying

    @dbus_property(access=READ)
    def Flags(self) -> "as":
        return self.flags

    @dbus_property(access=READ)
    def MTU(self) -> "q":
        return self.thing.mtu

    @method()
    def StartNotify(self):
        if self.notifying:
            raise DBusError("org.bluez.Error.InProgress", "In Progress")
        self.notifying = True

    @method()
    def StopNotify(self):
        if not self.notifying:
            raise DBusError("org.bluez.Error.Failed", "No notify session started")
        self.notifying = False

    @method()
    def WriteValue(self, value: "ay", options: "a{sv}"):
        if self.thing.gone:
            raise DBusError("org.bluez.Error.Failed", "Not connected")
        if len(value) > self.thing.mtu - 3:
            raise DBusError("org.bluez.Error.InvalidArguments", "Invalid arguments in method call")
        self.thing.written += value
        self.thing.writes.append((len(value), options["type"].value if "type" in options else None))


class Thing:
    """A device somewhere around: it outlives the daemon and the adapter."""

    def __init__(self, address, name, services=(), manufacturer=None, mtu=23):
        self.address, self.name, self.services = address, name, list(services)
        self.manufacturer, self.mtu = manufacturer or {}, mtu
        self.gone, self.rssi = False, -60
        self.written, self.writes = b"", []
        self.device = None

    def notify(self, *pieces):
        """Sends these notifications; answers whether anybody has subscribed."""
        pipe = self.device and self.device.connected and not self.gone and self.device.pipe
        if not pipe or not pipe[2][1].notifying:
            return False
        for piece in pieces:
            pipe[2][1].send(piece)
        return True


class Bluez:
    """The daemon. `start` and `stop` are its restarts; with a stop everything but the things around is forgotten."""

    def __init__(self, *things):
        self.things, self.bus = things, None
        self.blocked = self.deaf = False
        self.calls, self.switched, self.caller = [], [], None

    async def start(self):
        self.bus = await MessageBus(bus_address=os.environ["DBUS_SYSTEM_BUS_ADDRESS"]).connect()
        self.bus.add_message_handler(self._called)
        # The second one first: nobody may rely on their order.
        self.adapters = [Adapter(self, 1), Adapter(self, 0)]
        for adapter in self.adapters:
            self.bus.export(adapter.path, adapter)
        rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
        await self._ask("AddMatch", "s", [rule])
        await self.bus.request_name("org.bluez")
        self.advertising = asyncio.get_running_loop().create_task(self._advertise())

    async def _ask(self, member, signature, body):
        from dbus_next import Message

        call = Message("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature=signature, body=body)
        await self.bus.call(call)

    def stop(self):
        self.advertising.cancel()
        for thing in self.things:
            thing.device = None
        self.bus.disconnect()
        self.bus = None

    @property
    def adapter(self):
        return self.adapters[1]

    def _called(self, message):
        if message.member == "NameOwnerChanged":
            name, _, new = message.body
            for adapter in self.adapters:
                # Who leaves the bus discovers no more.
                if not new:
                    adapter.discovering.discard(name)
        else:
            self.caller = message.sender

    async def _advertise(self):
        tick = 0
        while True:
            await asyncio.sleep(0.1)
            tick += 1
            adapter = self.adapter
            if self.deaf or not adapter.powered:
                continue
            for thing in self.things:
                if thing.gone or not adapter.hears(thing.services) or (thing.device and thing.device.connected):
                    continue
                if thing.device is None:
                    thing.device = Device(self, adapter, thing)
                    self.bus.export(thing.device.path, thing.device)
                else:
                    thing.device.hear(-60 + tick % 3)

    def forget(self, path):
        for thing in self.things:
            if thing.device and thing.device.path == path:
                thing.device.drop()
                self.bus.unexport(path, thing.device)
                thing.device = None
                return True
        return False

    def all_disconnect(self, adapter):
        for thing in self.things:
            if thing.device and thing.device.adapter is adapter:
                thing.device.drop()
