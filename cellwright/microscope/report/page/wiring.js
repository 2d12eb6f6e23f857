"use strict";
// The cell's wiring with the numbers of one unit at one word, told in four phases. Values the file does not hold are
// worked out from those it does, op by op.
const wiring = (() => {
  const { element, number, table } = words;
  const PHASES = ["forget", "input", "update", "output"];
  const MEANING = {
    forget: "how much of the old stays", input: "what is written", update: "the new state", output: "what is shown of it",
  };
  const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
  const OPS = {
    add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b, neg: (a) => -a,
    identity: (a) => a, sigmoid, tanh: Math.tanh, relu: (a) => Math.max(a, 0), exp: Math.exp, log: Math.log,
    softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))), sqrt: Math.sqrt, abs: Math.abs,
    minimum: Math.min, maximum: Math.max,
  };

  const entry = (array, t, unit) => {
    const width = array.shape[1];
    return array.values[t * width + (width === 1 ? 0 : Math.min(unit, width - 1))];
  };

  function before(run, state, steps, t, unit) {
    const earlier = run.direction ? t + 1 : t - 1;
    if (earlier >= 0 && earlier < steps) return entry(run.values[state], earlier, unit);
    const held = run.initial[state].values;
    return held[Math.min(unit, held.length - 1)];
  }

  // node -> number, for every part and state, at word t and one unit.
  function values(run, steps, t, unit) {
    const found = new Map();
    for (const part of run.parts) {
      const how = part.value;
      if (how.name !== undefined) found.set(part.root, entry(run.values[how.name], t, unit));
      else if (how.written !== undefined) found.set(part.root, entry(how.written, t, unit));
      else {
        const args = how.args.map((arg) => arg.number !== undefined ? arg.number
          : arg.state !== undefined ? before(run, arg.state, steps, t, unit) : found.get(arg.node));
        found.set(part.root, OPS[how.op](...args));
      }
    }
    return found;
  }

  function draw(place, panel) {
    const { run, model, view } = panel, steps = model.words.length;
    const found = values(run, steps, view.word, view.unit), at = PHASES.indexOf(view.phase);
    place.replaceChildren(element("h2", {}, `The step at “${model.words[view.word]}”`));
    const buttons = element("div", { class: "phases", role: "group", "aria-label": "Phase" });
    PHASES.forEach((phase, k) => buttons.append(element("button", {
      type: "button", "aria-pressed": String(phase === view.phase), "data-phase": phase, onclick: () => panel.page.pick({ phase }),
    }, `${k + 1} ${phase}`)));
    const drawing = element("div", { class: "wiring" });
    drawing.innerHTML = model.wirings[run.wiring]; // our own SVG, its texts escaped where it was made
    for (const part of run.parts) {
      const group = drawing.querySelector(`[data-root="${part.root}"]`), phase = PHASES.indexOf(part.phase);
      group.classList.add(phase === at ? "now" : phase < at ? "done" : "later");
      const text = group.querySelector("[data-value]");
      text.textContent = phase <= at ? number(found.get(part.root), 3) : "";
    }
    const olds = run.states.map((state) => [`${state} before`, "", number(before(run, state, steps, view.word, view.unit))]);
    const now = run.parts.filter((part) => part.phase === view.phase);
    const row = (part) => [part.name || part.symbol, part.kind === "layer" ? `${part.symbol}(${part.formula})` : part.symbol,
      number(found.get(part.root), 6)];
    const rows = now.map(row);
    const check = same(run, steps, view.word);
    place.append(
      element("p", { class: "quiet" }, `${view.phase}: ${MEANING[view.phase]}. Unit ${run.units[view.unit] ?? view.unit}, ${words.direction(run)}. ${run.verdict}`),
      buttons, drawing, table(["value", "made by", "number"], [...olds, ...rows]),
      element("p", { class: "check", "data-holds": check.holds, "data-check": "wiring" }, check.text),
      element("details", { "data-worked": "true" }, element("summary", {}, "Every number of this step, in the order of computing"),
        table(["value", "made by", "number"], [...olds, ...run.parts.map(row)])),
      element("details", {}, element("summary", {}, "Equations"), element("pre", {}, run.equations)));
  }

  // Named values that end in an op the page knows, worked out from the values before them, against those recorded.
  function same(run, steps, t) {
    let error = 0, room = 0, count = 0;
    const carry = run.carry;
    if (carry !== null) {
      const state = run.values[carry.state], units = state.shape[1];
      for (let unit = 0; unit < units; unit++) {
        const old = before(run, carry.state, steps, t, unit), a = entry(carry.a, t, unit), b = entry(carry.b, t, unit);
        const apart = Math.abs(a * old + b - entry(state, t, unit));
        error = Math.max(error, Number.isNaN(apart) ? Infinity : apart);
        room = Math.max(room, 2 ** -9 * (Math.abs(a * old) + Math.abs(b)) + 1e-6);
        count += 1;
      }
      const holds = error <= room && [carry.a, carry.b, state].every((array) => checks.asWritten(array).holds);
      return {
        text: `${carry.equation} at this word, ${count} units: error ${error.toExponential(1)} (${holds ? "holds" : "does NOT hold"}, of numbers with 11 bits, as written)`,
        holds,
      };
    }
    const arrays = Object.values(run.values).map(checks.asWritten), holds = arrays.every((one) => one.holds);
    return { text: `values are those written: ${holds ? "holds" : "does NOT hold"}`, holds };
  }

  return { PHASES, draw, values };
})();
