// The contracts of the server, read from its AsyncAPI document: the contract's own namespace (null for the raw WebSocket), and the names of its client
// events.

import { commandOutput } from "./process.js";

const document = JSON.parse(await commandOutput("asyncapi"));

const onSocketIo = ({ servers }) => servers.some(({ $ref }) => $ref === "#/servers/socketio");

const received = Object.values(document.operations).filter(({ action }) => action === "receive");

// The names of an operation's messages.
const messageNames = (contract, { channel, messages }) =>
  channel.$ref === `#/channels/${contract}` ? messages.map(({ $ref }) => document.channels[contract].messages[$ref.split("/").at(-1)].name) : [];

export const CONTRACTS = Object.fromEntries(
  Object.entries(document.channels).map(([contract, channel]) => [
    contract,
    { namespace: onSocketIo(channel) ? channel.address : null, clientEvents: received.flatMap((operation) => messageNames(contract, operation)) },
  ]),
);
