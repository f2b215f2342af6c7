// Where a fact stands among all that is stored is told beside what a contract says: behind an event's arguments, or as an envelope's `id`.

export const POSITION = /^[0-9a-f]{10}-\d+(\.\d+)?$/;

// An event's arguments without it.
export const argumentsOf = (args) => (POSITION.test(args.at(-1)) ? args.slice(0, -1) : args);

// An envelope without it.
export const withoutPosition = ({ id, ...envelope }) => envelope;
