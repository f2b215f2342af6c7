// A way to the server that can be cut without a word: nothing passes any more, and neither side is told. Or answers alone are lost on it, while it is
// `deaf`; and it can drop all its connections.

import { createServer, connect } from "node:net";

export async function wire(t, server) {
  const sockets = new Set();
  let cut = false;
  const entrance = createServer((client) => {
    if (cut) return sockets.add(client);
    const upstream = connect(server.port, "127.0.0.1");
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes) => cut || (way.deaf && from === upstream) || to.write(bytes));
      from.on("close", () => cut || (sockets.delete(from), to.destroy()));
      from.on("error", () => {});
    }
  });
  await new Promise((resolve) => entrance.listen(0, "127.0.0.1", resolve));
  const drop = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => (entrance.close(), drop()));
  const { port } = entrance.address();
  const way = { url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}`, deaf: false, cut: () => (cut = true), drop };
  return way;
}
