// A user of the shop: logs in, prints every event that arrives, and orders something.

import { io } from "socket.io-client";

const shop = process.env.SHOP ?? "http://localhost:4000";
const [user = "anna", item = "A bicycle"] = process.argv.slice(2);

async function post(path, body, token) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  return (await fetch(shop + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

// The client calls this function for each attempt to connect, so it always has a token that is not expired.
const auth = async (send) => send(await post("/login", { user, name: user }));
const socket = io(process.env.ROOMCAST ?? "http://localhost:3000", { auth });
socket.on("connect_error", (error) => console.log("not connected:", error.message, error.data?.code ?? ""));
socket.on("order:update", (order) => console.log("order:", order.item, "is", order.status));
socket.on("notification:new", ({ title, message }) => console.log("notification:", title, "-", message));
socket.once("connect", async () => {
  const { token } = await post("/login", { user });
  const order = await post("/orders", { item }, token);
  await post(`/orders/${order.id}/ship`, {}, token);
});
