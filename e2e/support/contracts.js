// The contracts that are served, as the program itself describes them: each with the namespace in which it is spoken alone, null on the raw
// WebSocket, and with the names of what clients may say.

import { printed } from "./process.js";

const document = JSON.parse(await printed("asyncapi"));

const onSocketIo = ({ servers }) => servers.some(({ $ref }) => $ref === "#/servers/socketio");

const received = Object.values(document.operations).filter(({ action }) => action === "receive");

// What an operation's messages are called.
const spoken = (contract, { channel, messages }) =>
  channel.$ref === `#/channels/${contract}` ? messages.map(({ $ref }) => document.channels[contract].messages[$ref.split("/").at(-1)].name) : [];

export const CONTRACTS = Object.fromEntries(
  Object.entries(document.channels).map(([contract, channel]) => [
    contract,
    { namespace: onSocketIo(channel) ? channel.address : null, words: received.flatMap((operation) => spoken(contract, operation)) },
  ]),
);
