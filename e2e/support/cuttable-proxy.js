// A TCP proxy in front of the server that simulates network faults:
// - `cut()` discards everything from now on and closes nothing, so that neither side notices.
// - `dropResponses = true` discards what the server sends.
// - `resetConnections()` closes all connections.

import { createServer, connect } from "node:net";

export async function openCuttableProxy(t, server) {
  const sockets = new Set();
  let cut = false;
  const listener = createServer((client) => {
    if (cut) return sockets.add(client);
    const upstream = connect(server.port, "127.0.0.1");
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes) => cut || (proxy.dropResponses && from === upstream) || to.write(bytes));
      from.on("close", () => cut || (sockets.delete(from), to.destroy()));
      from.on("error", () => {});
    }
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const resetConnections = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => (listener.close(), resetConnections()));
  const { port } = listener.address();
  const proxy = { url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}`, dropResponses: false, cut: () => (cut = true), resetConnections };
  return proxy;
}
