"""The python-socketio clients of the scenario player.

Each line of stdin is a command as a JSON object: {"id", "client", "action", ...}. Each line of stdout is a JSON object: the result of a command, {"id", "result"}
or {"id", "error"}, or an event of a client, {"client", "event", "args"} or {"client", "closed"}. The process exits at the end of stdin.

The clients are those for asyncio. The others start a thread for each event, and so do not keep the order.
"""

import asyncio
import json
import sys

import socketio


def write_line(**message):
    print(json.dumps(message), flush=True)


class Client:
    def __init__(self, number):
        self.number = number
        self.client = socketio.AsyncClient(reconnection=False)
        self.namespace = None
        self.rejection = None
        self.pending = set()

    async def connect(self, url, namespace, transports, auth):
        """Connects. The result is the rejection, or the transport that the client uses."""
        self.namespace = namespace
        self.client.on("*", self._on_event, namespace=namespace)
        self.client.on("connect_error", self._on_rejection, namespace=namespace)
        self.client.on("disconnect", self._on_close, namespace=namespace)
        try:
            await self.client.connect(url, auth=auth, transports=transports, namespaces=[namespace], wait_timeout=None)
        except socketio.exceptions.ConnectionError:
            if self.rejection is None:
                raise
            return {"rejected": self.rejection}
        return {"transport": self.client.transport()}

    async def emit(self, event, args):
        await self.client.emit(event, tuple(args), namespace=self.namespace)

    async def request(self, id, event, args):
        """Emits an event with an acknowledgement. The result, the arguments of the acknowledgement, is written when it arrives."""
        def on_ack(*ack):
            self.pending.discard(id)
            write_line(id=id, result=list(ack))

        self.pending.add(id)
        await self.client.emit(event, tuple(args), namespace=self.namespace, callback=on_ack)

    async def disconnect(self):
        await self.client.disconnect()

    def _on_event(self, event, *args):
        write_line(client=self.number, event=event, args=list(args))

    def _on_rejection(self, rejection):
        # The library also calls this with a text if the server is not reachable.
        if isinstance(rejection, dict):
            self.rejection = rejection

    def _on_close(self, reason):
        for id in self.pending:
            write_line(id=id, error=f"closed, {reason}, instead of an ack")
        self.pending.clear()
        write_line(client=self.number, closed=reason)


async def run(clients, id, client, action, **arguments):
    """Runs a command and writes its result. A request writes its result later."""
    number = client
    if action == "connect":
        clients[number] = Client(number)
    client = clients[number]
    try:
        if action == "request":
            return await client.request(id, **arguments)
        method = {"connect": client.connect, "emit": client.emit, "disconnect": client.disconnect}[action]
        write_line(id=id, result=await method(**arguments))
    except Exception as error:
        write_line(id=id, error=f"{type(error).__name__}: {error}")
    if action == "disconnect":
        del clients[number]


async def main():
    lines = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    clients = {}
    while line := await lines.readline():
        await run(clients, **json.loads(line))


asyncio.run(main())
