// A way to the server that can be cut without a word: nothing passes any more, and neither side is told.

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
      from.on("data", (bytes) => cut || to.write(bytes));
      from.on("close", () => cut || to.destroy());
      from.on("error", () => {});
    }
  });
  await new Promise((resolve) => entrance.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    entrance.close();
    sockets.forEach((socket) => socket.destroy());
  });
  const { port } = entrance.address();
  return { url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}`, cut: () => (cut = true) };
}
