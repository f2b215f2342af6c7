// Renders React components without a browser, and waits for their text. The DOM is happy-dom, because a current jsdom needs a newer Node than these tests.

import { Window } from "happy-dom";
import { waitFor } from "./wait-for.js";

// react-dom needs `window` and `document` at import.
const window = new Window();
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator;
const { createElement, Profiler, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");

// Renders a component in strict mode, as front ends do during development: React runs every effect, cleans it up, and runs it again. Resolves with the
// screen after the first render.
export async function mount(component, props) {
  const screen = new Screen(component);
  await screen.set(props);
  return screen;
}

class Screen {
  #component;
  #page = document.createElement("div");
  #root;
  #waiting = [];

  constructor(component) {
    this.#component = component;
    document.body.append(this.#page);
    this.#root = createRoot(this.#page);
  }

  get text() {
    return this.#page.textContent;
  }

  // Renders the component with these props. Resolves after the render.
  set(props) {
    const shown = new Promise((resolve) => {
      const onRender = () => {
        resolve();
        this.#checkWaiting();
      };
      const inner = createElement(Profiler, { id: "screen", onRender }, createElement(this.#component, props));
      this.#root.render(createElement(StrictMode, null, inner));
    });
    return waitFor(shown, () => `the component is not rendered; the screen shows ${this.text}`);
  }

  // Resolves when the screen shows all of these texts.
  shows(...texts) {
    return this.until((text) => texts.every((wanted) => text.includes(wanted)));
  }

  // Resolves when the text of the screen satisfies `wanted`.
  until(wanted) {
    if (wanted(this.text)) return Promise.resolve();
    const shown = new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
    return waitFor(shown, () => `the screen does not satisfy ${wanted}; it shows ${this.text}`);
  }

  // Clicks the button with this label.
  press(label) {
    const button = [...this.#page.querySelectorAll("button")].find(({ textContent }) => textContent === label);
    if (!button) throw new Error(`the screen has no button ${label}; it shows ${this.text}`);
    button.click();
  }

  unmount() {
    this.#root.unmount();
    this.#page.remove();
  }

  #checkWaiting() {
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !(wanted(this.text) && (resolve(), true)));
  }
}
