// "Nothing arrives" without waiting for time to pass: something later is made to arrive, on the same way, and then everything earlier has.

import { rest } from "../../support/http.js";
import { FENCE } from "./client.js";

// Resolves with what the device has heard when a later event has come to it: a back end's own word to its person, which needs no contract.
// It takes the way of all that happens, behind what was decided before.
export async function everythingHeard(device, server, person) {
  const arrived = device.fence();
  const token = server.token({ sub: "fence", role: "service" });
  const response = await rest("POST", `${server.url}/api/v1/emit`, { token, body: { to: { users: [person] }, event: FENCE } });
  if (response.status !== 200) throw new Error(`the fence cannot be built: ${response.status} ${response.text}`);
  await arrived;
  return device.received;
}
