// Shows that a client has received no further event, without waiting for time to pass. A later event is sent the same way; when it has arrived, all
// earlier events have arrived as well.

import { rest } from "../../support/http.js";
import { BARRIER } from "./client.js";

// Emits an event of a back end to the user, and waits until the client has received it. Resolves with the unread events of the client.
export async function receivedBeforeBarrier(client, server, user) {
  const arrived = client.barrier();
  const token = server.token({ sub: "barrier", role: "service" });
  const response = await rest("POST", `${server.url}/api/v1/emit`, { token, body: { to: { users: [user] }, event: BARRIER } });
  if (response.status !== 200) throw new Error(`the barrier was not sent: ${response.status} ${response.text}`);
  await arrived;
  return client.received;
}
