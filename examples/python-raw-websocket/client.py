"""Prints the messages of a channel over a raw WebSocket.

It misses no message: neither when the connection breaks, nor when the server or this program is
started again.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from websockets.exceptions import ConnectionClosedError, InvalidHandshake
from websockets.sync.client import connect

SERVER = os.environ.get("ROOMCAST", "http://localhost:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('TOKEN', '')}"}

# Another attempt would fail, too: the message was too large, the token is not valid, or the user
# may not read the channel.
FINAL_CODES = {1009, 4401, 4403}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channel", help="an id; by default the last channel, or a new one")
    parser.add_argument("--state", type=Path, default="state.json", help="the file of the state")
    arguments = parser.parse_args()
    state = State(arguments.state, arguments.channel)
    print(f"listening to channel {state.channel}", flush=True)
    delay = 1
    while True:
        started = time.monotonic()
        try:
            code, reason = listen(state)
            if code in FINAL_CODES:
                sys.exit(f"closed with {code} {reason}")
        except (OSError, InvalidHandshake) as error:
            reason = error
        # A connection that lasted shows that the server works. The random part keeps many clients
        # from reconnecting to a restarted server at the same time.
        delay = 1 if time.monotonic() - started > 10 else min(2 * delay, 30)
        seconds = delay * random.uniform(0.5, 1)
        print(f"connection lost ({reason}), reconnecting in {seconds:.1f} s", flush=True)
        time.sleep(seconds)


class State:
    """The channel, and the position up to which its events are processed.

    Both are in a file, so that they survive a restart of this program.
    """

    def __init__(self, path, channel):
        self.path = path
        stored = json.loads(path.read_text()) if path.exists() else {}
        self.channel = channel or stored.get("channel") or new_channel()
        if self.channel == stored.get("channel"):
            self.position = stored["position"]
        else:
            self.position = api("GET", "/api/v1/sync")["position"]  # From now on.

    def save(self, position):
        self.position = position
        # A file that is renamed is never half written.
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps({"channel": self.channel, "position": position}))
        draft.replace(self.path)


def listen(state):
    """Processes events until the connection closes. Returns the close code and the reason."""
    room = f"channel:{state.channel}"
    server = SERVER.replace("http", "ws", 1)
    url = f"{server}/api/v1/ws/connect?{urlencode({'since': state.position})}"
    # The library answers the pings of the server, and sends its own to notice a dead connection.
    with connect(url, additional_headers=HEADERS) as socket:
        try:
            socket.send(json.dumps({"type": "join_room", "room": room}))
            for text in socket:
                envelope = json.loads(text)
                if envelope["type"] == "resync":
                    reload(state)
                elif envelope.get("room") == room:
                    show(envelope["type"], envelope["data"])
                    # The position moves after the event is processed, and only with events of this
                    # room, because the replay of another room may be ahead. Ephemeral events have
                    # no position.
                    state.save(envelope.get("id", state.position))
        except ConnectionClosedError:
            pass
    return socket.close_code, socket.close_reason


def show(kind, data):
    # `flush`, because a program that reads this output must not wait for a full buffer.
    if kind == "message":
        print(f"{data['username']}: {data['content']}", flush=True)
    elif kind in ("user_joined", "user_left"):
        print(f"{data['username']} {kind.removeprefix('user_')}", flush=True)
    elif kind == "joined_room":
        online = ", ".join(member["username"] for member in data["members_online"])
        print(f"joined, with {online}", flush=True)
    else:
        print(kind, data, flush=True)


def reload(state):
    """Loads the newest messages, because the server no longer knows what was missed."""
    # The position is loaded first, so that a message that is sent in between is shown twice instead
    # of never.
    position = api("GET", "/api/v1/sync")["position"]
    print("too much was missed; the newest messages are:", flush=True)
    for message in reversed(api("GET", f"/api/v1/channels/{state.channel}/messages")):
        show("message", message)
    state.save(position)


def new_channel():
    project = api("POST", "/api/v1/projects", {"name": "Example"})
    return str(api("POST", f"/api/v1/projects/{project['id']}/channels", {"name": "general"})["id"])


def api(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    headers = {**HEADERS, "Content-Type": "application/json"}
    request = Request(SERVER + path, data, headers, method=method)
    try:
        with urlopen(request, timeout=10) as response:
            return json.load(response)
    except HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
