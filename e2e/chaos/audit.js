// The books compared: what every device has heard with what the server keeps, and that with what was confirmed.
//
// Inputs: of each room what the server keeps, in order; the devices; and of each message what was confirmed: {room, duplicate, times}. What comes out are
// figures, and what is wrong, in sentences.

export function audit(truths, devices, book) {
  const figures = { received: 0, lost: 0, doubled: 0, reordered: 0, strange: 0, duplicates: 0, connections: 0, recovered: 0, refetched: 0 };
  const wrong = [];

  const kept = new Map([...truths].flatMap(([room, truth]) => truth.map(({ clientId }) => [clientId, room])));
  const count = [...truths.values()].reduce((sum, truth) => sum + truth.length, 0);
  if (kept.size !== count) wrong.push(`${count - kept.size} messages are kept twice`);
  for (const [clientId, { room, duplicate, times }] of book) {
    if (kept.get(clientId) !== room) wrong.push(`${clientId} was confirmed, and is not kept`);
    if (times > 1) wrong.push(`${clientId} was confirmed ${times} times`);
    figures.duplicates += duplicate;
  }
  for (const clientId of kept.keys()) if (!book.has(clientId)) wrong.push(`${clientId} is kept, and was never confirmed`);

  for (const one of devices) {
    const truth = new Map(truths.get(one.room).map(({ id }, place) => [id, place]));
    const lost = [...truth.keys()].filter((id) => !one.known.has(id));
    const doubled = one.received.length - new Set(one.received).size;
    const places = one.received.map((id) => truth.get(id));
    const reordered = places.filter((place, at) => at > 0 && place < places[at - 1]).length;
    const unknown = one.received.filter((id) => !truth.has(id));
    const strange = [...one.strange, ...unknown];
    const who = `${one.transport} ${one.sub}`;
    if (lost.length > 0) wrong.push(`${who} has not heard ${lost.length} of ${truth.size}, first ${lost[0]}`);
    const twice = one.received.find((id, at) => one.received.indexOf(id) < at);
    if (doubled > 0) wrong.push(`${who} has heard ${doubled} twice, first ${JSON.stringify(truths.get(one.room).find(({ id }) => id === twice))}`);
    if (reordered > 0) wrong.push(`${who} has heard ${reordered} behind later ones`);
    if (strange.length > 0) wrong.push(`${who} has heard what is not its: ${JSON.stringify(strange[0])}`);
    // Nobody in the ledger is away for as long as the server remembers, or misses more than it keeps: whoever can come back has always come back.
    const anew = one.connections - 1 - one.recovered;
    if (one.recovers && anew > 0) wrong.push(`${who} has come back ${anew} of ${one.connections - 1} times as somebody new`);
    figures.received += one.received.length;
    figures.lost += lost.length;
    figures.doubled += doubled;
    figures.reordered += reordered;
    figures.strange += strange.length;
    for (const name of ["connections", "recovered", "refetched"]) figures[name] += one[name];
  }
  return { figures, wrong };
}
