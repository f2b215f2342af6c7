// Compares what every client has received with what the server has stored, and the stored messages with the acknowledged ones.
//
// Inputs:
// - `stored`: for each room the stored messages, in order.
// - `clients`: the chaos clients.
// - `acks`: for each message its acknowledgement, {room, duplicate, times}.
//
// Returns statistics, and a list of errors as sentences.

// Adds an acknowledgement of a message to `acks`. `duplicate` is that of the acknowledgement.
export function addAck(acks, client, clientId, duplicate) {
  const times = (acks.get(clientId)?.times ?? 0) + 1;
  acks.set(clientId, { room: client.room, duplicate: duplicate === true, times });
}

export function audit(stored, clients, acks) {
  const statistics = { received: 0, lost: 0, doubled: 0, reordered: 0, foreign: 0, duplicates: 0, connections: 0, recovered: 0, refetched: 0 };
  const errors = [];

  const roomOf = new Map([...stored].flatMap(([room, messages]) => messages.map(({ clientId }) => [clientId, room])));
  const count = [...stored.values()].reduce((sum, messages) => sum + messages.length, 0);
  if (roomOf.size !== count) errors.push(`${count - roomOf.size} messages are stored twice`);
  for (const [clientId, { room, duplicate, times }] of acks) {
    if (roomOf.get(clientId) !== room) errors.push(`${clientId} was acknowledged and is not stored`);
    if (times > 1) errors.push(`${clientId} was acknowledged ${times} times`);
    statistics.duplicates += duplicate;
  }
  for (const clientId of roomOf.keys()) if (!acks.has(clientId)) errors.push(`${clientId} is stored and was never acknowledged`);

  for (const client of clients) {
    const index = new Map(stored.get(client.room).map(({ id }, at) => [id, at]));
    const lost = [...index.keys()].filter((id) => !client.known.has(id));
    const doubled = client.received.length - new Set(client.received).size;
    const order = client.received.map((id) => index.get(id));
    const reordered = order.filter((at, i) => i > 0 && at < order[i - 1]).length;
    const unknown = client.received.filter((id) => !index.has(id));
    const foreign = [...client.foreign, ...unknown];
    const name = `${client.kind} ${client.sub}`;
    if (lost.length > 0) errors.push(`${name} has not received ${lost.length} of ${index.size} messages, the first is ${lost[0]}`);
    const twice = doubled > 0 && client.received.find((id, at) => client.received.indexOf(id) < at);
    if (doubled > 0) errors.push(`${name} has received ${doubled} messages twice, the first is ${JSON.stringify(stored.get(client.room).find(({ id }) => id === twice))}`);
    if (reordered > 0) errors.push(`${name} has received ${reordered} messages after later ones`);
    if (foreign.length > 0) errors.push(`${name} has received events of other rooms: ${JSON.stringify(foreign[0])}`);
    // No client is disconnected for longer than the recovery window, or misses more events than the server keeps, so each reconnect must be a recovery.
    const newSessions = client.connections - 1 - client.recovered;
    if (client.supportsRecovery && newSessions > 0) errors.push(`${name} was not recovered in ${newSessions} of ${client.connections - 1} reconnects`);
    statistics.received += client.received.length;
    statistics.lost += lost.length;
    statistics.doubled += doubled;
    statistics.reordered += reordered;
    statistics.foreign += foreign.length;
    for (const counter of ["connections", "recovered", "refetched"]) statistics[counter] += client[counter];
  }
  return { statistics, errors };
}
