// Real React on a page without a screen: a document to draw in, and ways to wait for what is drawn. The page is happy-dom's; a current jsdom wants a
// newer Node than we do.

import { Window } from "happy-dom";
import { arrives } from "./wait-for.js";

// react-dom looks for the page when it is loaded.
const window = new Window();
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator;
const { createElement, Profiler, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");

// Draws a component in strict mode, as front ends do while they are developed: every effect runs, is cleaned up, and runs again. Waits until it
// is drawn. The answer is the screen that it is on.
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

  // Draws it with these props. Resolves when that is done.
  set(props) {
    const shown = new Promise((resolve) => {
      const drawn = () => {
        resolve();
        this.#look();
      };
      const inner = createElement(Profiler, { id: "screen", onRender: drawn }, createElement(this.#component, props));
      this.#root.render(createElement(StrictMode, null, inner));
    });
    return arrives(shown, () => `the component is not drawn on ${this.text}`);
  }

  // Resolves when all of these texts are on the screen.
  shows(...texts) {
    return this.until((text) => texts.every((wanted) => text.includes(wanted)));
  }

  // Resolves when this is true of the screen's text.
  until(wanted) {
    if (wanted(this.text)) return Promise.resolve();
    const shown = new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
    return arrives(shown, () => `${wanted} is not true of ${this.text}`);
  }

  // Presses the button with this label.
  press(label) {
    const button = [...this.#page.querySelectorAll("button")].find(({ textContent }) => textContent === label);
    if (!button) throw new Error(`there is no button ${label} in ${this.text}`);
    button.click();
  }

  unmount() {
    this.#root.unmount();
    this.#page.remove();
  }

  #look() {
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !(wanted(this.text) && (resolve(), true)));
  }
}
