// Compares received values with the expected values of a scenario, key by key and completely.

const MATCHERS = {
  "<any>": () => true,
  "<text>": (value) => typeof value === "string" && value.length > 0,
  "<number>": (value) => Number.isSafeInteger(value),
  "<id>": (value) => typeof value === "string" && /^[1-9]\d*$/.test(value),
  "<time>": (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  "<micros>": (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value),
};

// The values that a scenario may refer to: saved values, tokens, and its shapes.
export class References {
  // `token` returns a token of the user with this name.
  constructor(shapes = {}, token = () => null) {
    this.shapes = shapes;
    this.token = token;
    this.saved = {};
  }

  // Replaces the references in a value. A text that consists of one `$name` becomes the saved value itself.
  resolve(value) {
    if (typeof value === "string") return this.#resolveText(value);
    if (Array.isArray(value)) return value.map((item) => this.resolve(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(this.#withShape(value)).map(([key, item]) => [key, this.resolve(item)]));
  }

  // The object with the keys of its shape that it does not have itself. References are resolved later, because a value that the object overrides may not
  // be saved yet.
  #withShape({ "@": shape, ...own }) {
    return shape === undefined ? own : { ...this.#withShape(this.#shape(shape)), ...own };
  }

  // Saves parts of a value: {name: "path.to.part"}.
  save(paths, value) {
    for (const [name, path] of Object.entries(paths ?? {})) {
      const part = path.split(".").reduce((at, key) => at?.[key], value);
      if (part === undefined) throw new Error(`cannot save ${path}, which does not exist in ${JSON.stringify(value)}`);
      this.saved[name] = part;
    }
  }

  #resolveText(text) {
    if (text.startsWith("@")) return this.resolve(this.#shape(text.slice(1)));
    const whole = text.match(/^\$(\w+)$/);
    if (whole) return this.#value(whole[1]);
    return text.replace(/\$(\w+)/g, (_, name) => String(this.#value(name)));
  }

  #value(name) {
    if (name.startsWith("token_")) return this.token(name.slice("token_".length));
    if (!(name in this.saved)) throw new Error(`no value is saved as ${name}`);
    return this.saved[name];
  }

  #shape(name) {
    if (!(name in this.shapes)) throw new Error(`the shape ${name} is not defined`);
    return this.shapes[name];
  }
}

// The first difference between a resolved expectation and a value, as a sentence. Null if there is none.
export function difference(expected, actual, where = "the value") {
  if (typeof expected === "string" && expected in MATCHERS) {
    return MATCHERS[expected](actual) ? null : `${where} should be ${expected} and is ${JSON.stringify(actual)}`;
  }
  const [expectedType, actualType] = [typeOf(expected), typeOf(actual)];
  if (expectedType !== actualType) return `${where} should be ${JSON.stringify(expected)} and is ${JSON.stringify(actual)}`;
  if (expectedType === "list") {
    if (expected.length !== actual.length) return `${where} should have ${expected.length} items and is ${JSON.stringify(actual)}`;
    return first(expected.map((item, i) => () => difference(item, actual[i], `${where}[${i}]`)));
  }
  if (expectedType === "object") {
    const missing = Object.keys(expected).find((key) => !Object.hasOwn(actual, key));
    if (missing !== undefined) return `${where} has no ${missing}: ${JSON.stringify(actual)}`;
    const unexpected = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
    if (unexpected !== undefined) return `${where} has the unexpected key ${unexpected}: ${JSON.stringify(actual)}`;
    return first(Object.keys(expected).map((key) => () => difference(expected[key], actual[key], `${where}.${key}`)));
  }
  return Object.is(expected, actual) ? null : `${where} should be ${JSON.stringify(expected)} and is ${JSON.stringify(actual)}`;
}

const typeOf = (value) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value);

function first(checks) {
  for (const check of checks) {
    const found = check();
    if (found) return found;
  }
  return null;
}
