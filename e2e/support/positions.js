// The position of a persisted event: the last argument of a Socket.IO event, or the `id` of an envelope. No contract describes it.

export const POSITION = /^[0-9a-f]{10}-\d+(\.\d+)?$/;

// The arguments of an event without the position.
export const withoutPositionArgument = (args) => (POSITION.test(args.at(-1)) ? args.slice(0, -1) : args);

// An envelope without the position.
export const withoutPosition = ({ id, ...envelope }) => envelope;
