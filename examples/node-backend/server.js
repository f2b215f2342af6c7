// The back end of a shop. It signs tokens for its users, and pushes events and notifications to their devices.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import express from "express";
import { SignJWT, jwtVerify } from "jose";
import { post } from "./roomcast.js";

// The secret that Roomcast verifies tokens with. In dev mode Roomcast has created one.
const secret = process.env.JWT_SECRET ?? readFileSync(new URL("../../data/dev-secret", import.meta.url), "utf8");
const key = new TextEncoder().encode(secret);

const orders = new Map(); // A real back end has a database.
const app = express();
app.use(express.json());

// A real back end checks a password here. The same token is for this back end and for Roomcast.
app.post("/login", async (request, response) => {
  const { user, name } = request.body;
  if (!user) return response.status(400).json({ error: "user: is missing" });
  const token = new SignJWT({ name }).setProtectedHeader({ alg: "HS256" }).setSubject(user).setIssuedAt().setExpirationTime("1h");
  response.json({ token: await token.sign(key) });
});

app.use(async (request, response, next) => {
  const token = request.get("Authorization")?.replace(/^Bearer /, "") ?? "";
  const verified = await jwtVerify(token, key, { algorithms: ["HS256"] }).catch(() => null);
  if (!verified) return response.status(401).json({ error: "log in first" });
  request.user = verified.payload.sub;
  next();
});

app.post("/orders", async (request, response) => {
  const order = { id: randomUUID(), user: request.user, item: request.body.item, status: "ordered" };
  orders.set(order.id, order);
  await emitUpdate(order);
  response.status(201).json(order);
});

// A client may repeat this request if it gets an error or no answer. The user still receives one event and one notification.
app.post("/orders/:id/ship", async (request, response) => {
  const order = orders.get(request.params.id);
  if (order?.user !== request.user) return response.status(404).json({ error: "no such order" });
  order.status = "shipped";
  await emitUpdate(order);
  const text = { title: "Shipped", message: `${order.item} is on its way` };
  const notification = { userId: order.user, type: "order", ...text, link: `/orders/${order.id}` };
  await post("/api/notifications", notification, `${order.id}-notification`);
  response.json(order);
});

// The key names this one change of this order, so that Roomcast recognizes a repetition.
function emitUpdate(order) {
  return post("/api/v1/emit", { to: { users: [order.user] }, event: "order:update", data: order }, `${order.id}-${order.status}`);
}

app.use((error, request, response, next) => {
  console.error(error.message);
  response.status(error.status ?? 500).json({ error: error.message });
});

const port = process.env.PORT ?? 4000;
app.listen(port, () => console.log(`The shop listens on http://localhost:${port}`));
