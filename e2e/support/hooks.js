// As much of React as the documents' components need to run without a screen: one component, its state and its effects.

// Mounts a component with its props. The answer: {state, set(props), unmount()}; `state` is what the component last returned.
export function mount(component, props) {
  const cells = [];
  let cursor = 0;
  let drawing = false;
  let stale = false;
  const instance = { state: undefined };

  const useState = (first) => {
    const at = cursor++;
    cells[at] ??= { value: typeof first === "function" ? first() : first };
    const set = (next) => {
      cells[at].value = typeof next === "function" ? next(cells[at].value) : next;
      draw();
    };
    return [cells[at].value, set];
  };

  const useEffect = (effect, dependencies) => {
    const at = cursor++;
    const before = cells[at];
    if (before && dependencies.every((dependency, i) => Object.is(dependency, before.dependencies[i]))) return;
    cells[at] = { dependencies, due: true, effect, cleanup: before?.cleanup };
  };

  function draw() {
    stale = true;
    if (drawing) return;
    drawing = true;
    while (stale) {
      stale = false;
      cursor = 0;
      instance.state = component({ useState, useEffect, ...props });
      for (const cell of cells.filter(({ due }) => due)) {
        cell.due = false;
        cell.cleanup?.();
        cell.cleanup = cell.effect();
      }
    }
    drawing = false;
    waiting = waiting.filter(({ wanted, resolve }) => !(wanted(instance.state) && (resolve(instance.state), true)));
  }

  let waiting = [];
  // Resolves when the component shows something.
  instance.shows = (wanted) => new Promise((resolve) => (wanted(instance.state) ? resolve(instance.state) : waiting.push({ wanted, resolve })));
  instance.unmount = () => cells.forEach((cell) => cell.cleanup?.());
  draw();
  return instance;
}
