// Compares what came with what a transcript expects: complete, key by key.

const KINDS = {
  "<any>": () => true,
  "<text>": (value) => typeof value === "string" && value.length > 0,
  "<number>": (value) => Number.isSafeInteger(value),
  "<id>": (value) => typeof value === "string" && /^[1-9]\d*$/.test(value),
  "<time>": (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  "<micros>": (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value),
};

// What a transcript may refer to: what was saved, and its own shapes.
export class Names {
  // `token` gives a person's token.
  constructor(shapes = {}, token = () => null) {
    this.shapes = shapes;
    this.token = token;
    this.saved = {};
  }

  // Puts saved values into what is sent or expected, and shapes in their places. A text that is one `$name` becomes the value itself.
  fill(value) {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return value.map((item) => this.fill(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(this.#whole(value)).map(([key, item]) => [key, this.fill(item)]));
  }

  // An object with the keys of its shape that it does not have itself. They are filled in later: what is replaced may not be saved yet.
  #whole({ "@": shape, ...own }) {
    return shape === undefined ? own : { ...this.#whole(this.#shape(shape)), ...own };
  }

  // Keeps parts of a value: {name: "path.to.it"}.
  save(paths, value) {
    for (const [name, path] of Object.entries(paths ?? {})) {
      const part = path.split(".").reduce((at, key) => at?.[key], value);
      if (part === undefined) throw new Error(`there is no ${path} to be saved in ${JSON.stringify(value)}`);
      this.saved[name] = part;
    }
  }

  #text(text) {
    if (text.startsWith("@")) return this.fill(this.#shape(text.slice(1)));
    const whole = text.match(/^\$(\w+)$/);
    if (whole) return this.#value(whole[1]);
    return text.replace(/\$(\w+)/g, (_, name) => String(this.#value(name)));
  }

  #value(name) {
    if (name.startsWith("token_")) return this.token(name.slice("token_".length));
    if (!(name in this.saved)) throw new Error(`nothing was saved as ${name}`);
    return this.saved[name];
  }

  #shape(name) {
    if (!(name in this.shapes)) throw new Error(`there is no shape ${name}`);
    return this.shapes[name];
  }
}

// The first difference between a filled expectation and a value, as a sentence, or null.
export function difference(expected, actual, where = "it") {
  if (typeof expected === "string" && expected in KINDS) {
    return KINDS[expected](actual) ? null : `${where} should be ${expected} and is ${JSON.stringify(actual)}`;
  }
  const [wanted, found] = [kind(expected), kind(actual)];
  if (wanted !== found) return `${where} should be ${JSON.stringify(expected)} and is ${JSON.stringify(actual)}`;
  if (wanted === "list") {
    if (expected.length !== actual.length) return `${where} should have ${expected.length} items and is ${JSON.stringify(actual)}`;
    return first(expected.map((item, i) => () => difference(item, actual[i], `${where}[${i}]`)));
  }
  if (wanted === "object") {
    const missing = Object.keys(expected).find((key) => !Object.hasOwn(actual, key));
    if (missing !== undefined) return `${where} has no ${missing}: ${JSON.stringify(actual)}`;
    const more = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
    if (more !== undefined) return `${where} has a ${more} that is not expected: ${JSON.stringify(actual)}`;
    return first(Object.keys(expected).map((key) => () => difference(expected[key], actual[key], `${where}.${key}`)));
  }
  return Object.is(expected, actual) ? null : `${where} should be ${JSON.stringify(expected)} and is ${JSON.stringify(actual)}`;
}

const kind = (value) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value);

function first(checks) {
  for (const check of checks) {
    const found = check();
    if (found) return found;
  }
  return null;
}
