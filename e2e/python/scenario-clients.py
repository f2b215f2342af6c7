"""Devices that are python-socketio's clients, for the player of the transcripts.

A line of stdin is a JSON object, something that a device shall do: {"id", "device", "do", ...}. A line of stdout is the answer, {"id", "answer"} or
{"id", "failed"}, or what a device has heard: {"device", "event", "args"} or {"device", "closed"}. The end of stdin is the end.

The clients are those for asyncio: the others give each event a thread of its own, which keeps no order.
"""

import asyncio
import json
import sys

import socketio


def say(**what):
    print(json.dumps(what), flush=True)


class Device:
    def __init__(self, number):
        self.number = number
        self.client = socketio.AsyncClient(reconnection=False)
        self.namespace = None
        self.refusal = None
        self.asked = set()

    async def connect(self, url, namespace, transports, auth):
        """Connects. The answer is the refusal, or the transport that it has arrived on."""
        self.namespace = namespace
        self.client.on("*", self._heard, namespace=namespace)
        self.client.on("connect_error", self._refused, namespace=namespace)
        self.client.on("disconnect", self._closed, namespace=namespace)
        try:
            await self.client.connect(url, auth=auth, transports=transports, namespaces=[namespace], wait_timeout=None)
        except socketio.exceptions.ConnectionError:
            if self.refusal is None:
                raise
            return {"refused": self.refusal}
        return {"transport": self.client.transport()}

    async def emit(self, event, args):
        await self.client.emit(event, tuple(args), namespace=self.namespace)

    async def ask(self, id, event, args):
        """Emits an event that asks for an acknowledgement, whose arguments are the answer once they come."""
        def acked(*ack):
            self.asked.discard(id)
            say(id=id, answer=list(ack))

        self.asked.add(id)
        await self.client.emit(event, tuple(args), namespace=self.namespace, callback=acked)

    async def leave(self):
        await self.client.disconnect()

    def _heard(self, event, *args):
        say(device=self.number, event=event, args=list(args))

    def _refused(self, refusal):
        # A failure to reach the server comes here, too, as a text.
        if isinstance(refusal, dict):
            self.refusal = refusal

    def _closed(self, reason):
        for id in self.asked:
            say(id=id, failed=f"closed, {reason}, instead of an ack")
        self.asked.clear()
        say(device=self.number, closed=reason)


async def obey(devices, id, device, do, **what):
    """Has a device do something, and answers; what is asked for is answered when it comes."""
    if do == "connect":
        devices[device] = Device(device)
    doing = devices[device]
    try:
        if do == "ask":
            return await doing.ask(id, **what)
        does = {"connect": doing.connect, "emit": doing.emit, "leave": doing.leave}[do]
        say(id=id, answer=await does(**what))
    except Exception as error:
        say(id=id, failed=f"{type(error).__name__}: {error}")
    if do == "leave":
        del devices[device]


async def main():
    lines = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    devices = {}
    while line := await lines.readline():
        await obey(devices, **json.loads(line))


asyncio.run(main())
