"""A chaos client with python-socketio's client for asyncio.

Arguments: the URL, the user id, the token, the room id, and the transports separated by commas. Each line of stdin is a command as a JSON object:
{"send": [messages]} sends each message until it is acknowledged, and {"finish": true} ends the run. Each line of stdout is a JSON object: {"ready": true} after
the first join, {"acked": clientId, "duplicate"} for each message, and at the end {"record"}, the received messages in order with statistics.
"""

import asyncio
import json
import logging
import os
import sys

import aiohttp
import socketio

PAGE_SIZE = 200
REQUEST_TIMEOUT = 2
# The total seconds of a connection attempt. aiohttp waits five minutes for a stalled handshake.
HANDSHAKE_TIMEOUT = 6
# A proxy in front of the server has no node to ask, or the server's database is away.
TEMPORARY = (502, 503, 504)
# The seconds after which a request is sent again that the server has rejected because its database is away.
UNAVAILABLE_PAUSE = 0.1


def write_line(**message):
    print(json.dumps(message), flush=True)


class Client:
    def __init__(self, tasks, url, sub, token, room, transports):
        self.tasks = tasks
        self.url, self.sub, self.token, self.room = url, int(sub), token, int(room)
        self.transports = transports.split(",")
        self.received, self.known, self.foreign = [], set(), []
        self.connections = self.refetched = 0
        self.buffer, self.overlap = [], set()
        self.ready = asyncio.Event()
        self.catching_up = None
        self.client = None

    async def stay_connected(self):
        """Reconnects forever, each time with a new client. The library's own reconnection stops if the connection is cut while it joins a namespace."""
        auth = {"token": self.token, "userId": self.sub}
        while True:
            disconnected = asyncio.Event()
            self.client = socketio.AsyncClient(reconnection=False)
            self.client.on("connect", self.on_connect, namespace="/chat")
            self.client.on("disconnect", lambda reason: disconnected.set(), namespace="/chat")
            self.client.on("*", self.on_event, namespace="/chat")
            try:
                connecting = self.client.connect(self.url, auth=auth, transports=self.transports, namespaces=["/chat"], wait_timeout=REQUEST_TIMEOUT)
                await asyncio.wait_for(connecting, HANDSHAKE_TIMEOUT)
                # After an incomplete response the read loop of the library ends without a disconnect event.
                ended = [asyncio.create_task(disconnected.wait()), self.client.eio.read_loop_task]
                await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
                await self.client.eio.disconnect(abort=True)
            except (socketio.exceptions.SocketIOError, aiohttp.ClientError, asyncio.TimeoutError):
                await asyncio.sleep(0.02)

    async def on_connect(self):
        self.connections += 1
        self.ready.clear()
        self.buffer = []
        if self.catching_up:
            self.catching_up.cancel()
        self.catching_up = self.tasks.create_task(self.catch_up(self.connections))

    async def catch_up(self, connection):
        """Reads the missed messages over REST after each connect, because the library does not support recovery."""
        self.refetched += connection > 1
        await self.request("join_room", {"roomId": self.room})
        missed = await self.history()
        # The ids that REST has returned and that the socket may still deliver once.
        self.overlap = {message["id"] for message in missed}
        for message in missed:
            self.record(message["id"])
        self.ready.set()
        buffered, self.buffer = self.buffer, []
        for message in buffered:
            await self.on_event("message:new", message)

    async def request(self, event, data):
        """Repeats an event until it is acknowledged, also while the server rejects it because its database is away."""
        while True:
            try:
                ack = await self.client.call(event, data, namespace="/chat", timeout=REQUEST_TIMEOUT)
                if not isinstance(ack, dict) or ack.get("code") != "unavailable":
                    return ack
                await asyncio.sleep(UNAVAILABLE_PAUSE)
            except socketio.exceptions.SocketIOError:
                await asyncio.sleep(0.02)

    async def history(self):
        messages = []
        while True:
            before = f"&before={messages[-1]['id']}" if messages else ""
            page = await self.get_until_answered(f"{self.url}/shared/chat/rooms/{self.room}/messages?limit={PAGE_SIZE}{before}")
            unknown = [message for message in page if message["id"] not in self.known]
            messages += unknown
            if len(unknown) < PAGE_SIZE:
                return messages[::-1]

    async def get_until_answered(self, url):
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            try:
                timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
                async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http, http.get(url) as response:
                    if response.status not in TEMPORARY:
                        response.raise_for_status()
                        return await response.json()
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(0.02)

    def record(self, id):
        self.received.append(id)
        self.known.add(id)

    async def on_event(self, event, *args):
        data = args[0] if args else {}
        if not isinstance(data, dict) or data.get("roomId") != self.room:
            self.foreign.append([event, data])
        elif event != "message:new":
            pass
        elif not self.ready.is_set():
            self.buffer.append(data)
        elif data["id"] in self.overlap:
            self.overlap.remove(data["id"])
        else:
            self.record(data["id"])

    async def send(self, messages):
        for message in messages:
            ack = await self.request("message:send", {"roomId": self.room, **message})
            if ack.get("ok") is not True:
                raise RuntimeError(f"{message} was rejected: {ack}")
            write_line(acked=message["clientId"], duplicate=ack.get("duplicate", False))

    async def finish(self):
        """Waits until all earlier messages are received, and writes the record."""
        while True:
            await self.ready.wait()
            connections = self.connections
            await self.request("join_room", {"roomId": self.room})
            if self.ready.is_set() and connections == self.connections:
                break
        names = ["received", "foreign", "connections", "refetched"]
        write_line(record={name: getattr(self, name) for name in names})


async def run_commands(client, lines):
    await client.ready.wait()
    write_line(ready=True)
    while True:
        match await lines.get():
            case {"send": messages}:
                await client.send(messages)
            case {"finish": _}:
                await client.finish()


async def main():
    # Cut connections are expected, so the library does not log them.
    logging.disable()
    reader = asyncio.StreamReader(limit=1 << 28)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    lines = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        client = Client(tasks, *sys.argv[1:])
        tasks.create_task(client.stay_connected())
        tasks.create_task(run_commands(client, lines))
        while line := await reader.readline():
            lines.put_nowait(json.loads(line))
        # The parent process has closed stdin or has exited.
        sys.stdout.flush()
        os._exit(0)


asyncio.run(main())
