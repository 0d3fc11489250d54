"""A Bluetooth terminal on a virtual controller: the Nordic UART service, and a journal of its own.

Two controllers share one simulated air: the kernel's virtual one, which BlueZ sees as hci0, and this terminal's. Each line on
stdin is a punch. The terminal notifies it and repeats that until a line was written back; then it prints `punch<TAB>receipt`.
It notes both outside BlueZ and outside the agent. Here so (6E400001…): 3 notifies, 2 is written to.
"""

import asyncio
import sys

sys.path.insert(0, "/opt/bumble")

from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport

ADDRESS, NAME = "F0:F1:F2:F3:F4:F5", "PUNCH-FP"
SERVICE, WRITTEN, NOTIFIED = ("6E40000{}-B5A3-F393-E0A9-E50E24DCCA9E".format(number) for number in (1, 2, 3))
# What fits into a notification of the smallest ATT packet.
PART = 20
REPEATS_AFTER = 6


class Terminal:
    def __init__(self):
        self.receipts, self.half = asyncio.Queue(), b""
        self.notifies = Characteristic(NOTIFIED, Characteristic.Properties.NOTIFY, Characteristic.READABLE, b"")
        properties = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        self.written = Characteristic(
            WRITTEN, properties, Characteristic.WRITEABLE, CharacteristicValue(write=lambda _, data: self.hear(data))
        )

    def hear(self, data):
        *lines, self.half = (self.half + bytes(data)).split(b"\n")
        for line in lines:
            self.receipts.put_nowait(line.decode(errors="replace").strip())

    async def punch(self, device, credential):
        """Until it has its receipt: an answer that names who punched. The answer to an earlier try may come late."""
        while True:
            line = credential.encode() + b"\n"
            for start in range(0, len(line), PART):
                await device.notify_subscribers(self.notifies, line[start : start + PART])
            try:
                return await asyncio.wait_for(self.answer_to(credential), REPEATS_AFTER)
            except asyncio.TimeoutError:
                print(f"again\t{credential}", flush=True)

    async def answer_to(self, credential):
        while not (answer := await self.receipts.get()).endswith(f" {credential}"):
            pass
        return answer


async def main():
    air = LocalLink()
    host = Host()
    host.controller = Controller("terminal", link=air, public_address=ADDRESS)
    device = Device(name=NAME, address=ADDRESS, host=host)
    terminal = Terminal()
    device.add_service(Service(SERVICE, [terminal.notifies, terminal.written]))
    device.advertising_data = bytes(
        AdvertisingData([(AdvertisingData.FLAGS, bytes([6])), (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode())])
    )
    device.scan_response_data = bytes(
        AdvertisingData([(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, UUID(SERVICE).to_bytes())])
    )
    await device.power_on()
    await device.start_advertising(auto_restart=True)
    # Last: from here on the kernel asks its controller, and gives up on answers that take 2 s.
    kernel = await open_transport("vhci")
    adapter = Controller("adapter", host_source=kernel.source, host_sink=kernel.sink, link=air)
    print("ready", flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while credential := (await orders.readline()).decode().strip():
        print(f"{credential}\t{await terminal.punch(device, credential)}", flush=True)


asyncio.run(main())
