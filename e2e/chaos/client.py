"""A device of the ledger that is python-socketio's client for asyncio.

Arguments: the URL, the person's id, the token, the room's id, the transports with commas between them. A line of stdin is a JSON object: {"send": [messages]},
each of which is sent until it is confirmed, or {"finish": true}. A line of stdout is one, too: {"ready": true} when it has joined for the first time,
{"acked": clientId, "duplicate"} for each message, and at the end {"book"}: what it has heard, in order, and how.
"""

import asyncio
import json
import logging
import os
import sys

import aiohttp
import socketio

PAGE = 200
PATIENCE = 2
# The seconds that a connection may take in all. aiohttp would wait five minutes for a stalled handshake.
HANDSHAKE = 6


def say(**what):
    print(json.dumps(what), flush=True)


class Device:
    def __init__(self, tasks, url, sub, token, room, transports):
        self.tasks = tasks
        self.url, self.sub, self.token, self.room = url, int(sub), token, int(room)
        self.transports = transports.split(",")
        self.heard, self.known, self.strange = [], set(), []
        self.connections = self.refetched = 0
        self.buffer, self.overlap = [], set()
        self.ready = asyncio.Event()
        self.catching_up = None
        self.client = None

    async def stay(self):
        """Stays connected, for ever, each time with a new client: their own reconnection gives up when they are cut while they join a namespace."""
        auth = {"token": self.token, "userId": self.sub}
        while True:
            gone = asyncio.Event()
            self.client = socketio.AsyncClient(reconnection=False)
            self.client.on("connect", self.arrive, namespace="/chat")
            self.client.on("disconnect", lambda reason: gone.set(), namespace="/chat")
            self.client.on("*", self.hear, namespace="/chat")
            try:
                connecting = self.client.connect(self.url, auth=auth, transports=self.transports, namespaces=["/chat"], wait_timeout=PATIENCE)
                await asyncio.wait_for(connecting, HANDSHAKE)
                # On half an answer the client's reading dies, and the client does not notice.
                ended = [asyncio.create_task(gone.wait()), self.client.eio.read_loop_task]
                await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
                await self.client.eio.disconnect(abort=True)
            except (socketio.exceptions.SocketIOError, aiohttp.ClientError, asyncio.TimeoutError):
                await asyncio.sleep(0.02)

    async def arrive(self):
        self.connections += 1
        self.ready.clear()
        self.buffer = []
        if self.catching_up:
            self.catching_up.cancel()
        self.catching_up = self.tasks.create_task(self.catch_up(self.connections))

    async def catch_up(self, connection):
        """This client knows nothing of recovery: it asks REST for what it has missed each time."""
        self.refetched += connection > 1
        await self.ask("join_room", {"roomId": self.room})
        missed = await self.history()
        # What REST has told the socket may still tell, once.
        self.overlap = {message["id"] for message in missed}
        for message in missed:
            self.write(message["id"])
        self.ready.set()
        told, self.buffer = self.buffer, []
        for message in told:
            await self.hear("message:new", message)

    async def ask(self, event, data):
        """Asks until there is an answer."""
        while True:
            try:
                return await self.client.call(event, data, namespace="/chat", timeout=PATIENCE)
            except socketio.exceptions.SocketIOError:
                await asyncio.sleep(0.02)

    async def history(self):
        found = []
        while True:
            before = f"&before={found[-1]['id']}" if found else ""
            page = await self.insist(f"{self.url}/shared/chat/rooms/{self.room}/messages?limit={PAGE}{before}")
            unknown = [message for message in page if message["id"] not in self.known]
            found += unknown
            if len(unknown) < PAGE:
                return found[::-1]

    async def insist(self, url):
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            try:
                timeout = aiohttp.ClientTimeout(total=PATIENCE)
                async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http, http.get(url) as answer:
                    answer.raise_for_status()
                    return await answer.json()
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError):
                await asyncio.sleep(0.02)

    def write(self, id):
        self.heard.append(id)
        self.known.add(id)

    async def hear(self, event, *args):
        data = args[0] if args else {}
        if not isinstance(data, dict) or data.get("roomId") != self.room:
            self.strange.append([event, data])
        elif event != "message:new":
            pass
        elif not self.ready.is_set():
            self.buffer.append(data)
        elif data["id"] in self.overlap:
            self.overlap.remove(data["id"])
        else:
            self.write(data["id"])

    async def send(self, messages):
        for message in messages:
            answer = await self.ask("message:send", {"roomId": self.room, **message})
            if answer.get("ok") is not True:
                raise RuntimeError(f"{message} is refused: {answer}")
            say(acked=message["clientId"], duplicate=answer.get("duplicate", False))

    async def finish(self):
        """Waits until all is heard that was decided before, and tells it."""
        while True:
            await self.ready.wait()
            connections = self.connections
            await self.ask("join_room", {"roomId": self.room})
            if self.ready.is_set() and connections == self.connections:
                break
        names = ["heard", "strange", "connections", "refetched"]
        say(book={name: getattr(self, name) for name in names})


async def obey(device, lines):
    await device.ready.wait()
    say(ready=True)
    while True:
        match await lines.get():
            case {"send": messages}:
                await device.send(messages)
            case {"finish": _}:
                await device.finish()


async def main():
    # Cuts are no news here.
    logging.disable()
    reader = asyncio.StreamReader(limit=1 << 28)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    lines = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        device = Device(tasks, *sys.argv[1:])
        tasks.create_task(device.stay())
        tasks.create_task(obey(device, lines))
        while line := await reader.readline():
            lines.put_nowait(json.loads(line))
        # Whoever started it has gone, or wants nothing more.
        sys.stdout.flush()
        os._exit(0)


asyncio.run(main())
