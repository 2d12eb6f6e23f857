"use strict";
// The ledger's ring: what each word wrote into the memory, as far as it is still there after the picked word.
const ring = (() => {
  const { element, number, percent, table } = words;
  const NS = "http://www.w3.org/2000/svg";
  const SMALL = 0.005; // of all; smaller shares are one piece

  function svg(name, attributes) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function arc(from, to, inner, outer) {
    const turn = Math.min(to - from, 0.99999), point = (share, radius) => {
      const angle = 2 * Math.PI * share - Math.PI / 2;
      return `${(radius * Math.cos(angle)).toFixed(3)},${(radius * Math.sin(angle)).toFixed(3)}`;
    };
    const large = turn > 0.5 ? 1 : 0, end = from + turn;
    return `M${point(from, outer)}A${outer},${outer} 0 ${large} 1 ${point(end, outer)}L${point(end, inner)}`
      + `A${inner},${inner} 0 ${large} 0 ${point(from, inner)}Z`;
  }

  // Shares of one unit after reading step `at`: what stood there before the page's first step, then one a step.
  function ofUnit(run, steps, at, unit) {
    const { a, b } = run.carry, units = a.shape[1], order = run.direction ? (s) => steps - 1 - s : (s) => s;
    const held = [run.initial[run.carry.state].values[unit], ...new Array(at + 1).fill(0)];
    for (let s = 0; s <= at; s++) {
      const place = order(s) * units + unit;
      for (let k = 0; k <= s; k++) held[k] *= a.values[place];
      held[s + 1] = b.values[place];
    }
    return held;
  }

  function draw(place, panel) {
    const { run, model, view } = panel, steps = model.words.length;
    place.replaceChildren(element("h2", {}, "Who wrote what is still there"));
    if (run.carry === null) {
      place.append(element("p", { class: "note" }, run.verdict));
      return;
    }
    const at = run.direction ? steps - 1 - view.word : view.word, figure = panel.figure("ring");
    let shares, check = null, said;
    const whole = figure !== undefined && !view.oneUnit && model.total === steps;
    if (whole) {
      const row = figure.arrays.share, width = row.shape[1];
      shares = [...row.values.slice(at * width, at * width + at + 2)];
      said = "all units together";
      check = checks.figure(figure);
    } else {
      const held = ofUnit(run, steps, at, view.unit), sum = checks.finiteSum(held);
      const state = run.values[run.carry.state], stands = state.values[view.word * state.shape[1] + view.unit];
      shares = sum === 0 ? held.map(() => 0) : held.map((value) => value / sum);
      const size = held.reduce((a, b) => a + Math.abs(b), 0) + Math.abs(stands);
      const error = Math.abs(sum - stands), room = 2 ** -10 * (size + 1) * (at + 2); // 11 bits an entry in the file
      const holds = error <= room && [run.carry.a, run.carry.b, state].every((array) => checks.asWritten(array).holds);
      said = `unit ${run.units[view.unit]}: ${run.carry.state} = ${number(stands)}`;
      check = {
        text: `Σ_k held_k = ${run.carry.state} of the unit: error ${error.toExponential(1)} (${holds ? "holds" : "does NOT hold"}, of numbers with 11 bits, as written)`,
        holds,
      };
    }
    const toggle = element("button", {
      type: "button", "aria-pressed": String(!whole), onclick: () => panel.page.pick({ oneUnit: !view.oneUnit }),
    }, "Only the picked unit");
    const names = ["start", ...Array.from({ length: at + 1 }, (_, s) => model.words[run.direction ? steps - 1 - s : s])];
    const total = shares.reduce((a, share) => a + Math.abs(share), 0) || 1;
    const picture = svg("svg", { viewBox: "-110 -110 220 220", role: "img", "aria-label": "shares of the memory by word" });
    let turn = 0;
    const order = shares.map((share, k) => k).filter((k) => Math.abs(shares[k]) / total >= SMALL);
    for (const k of order) {
      const part = Math.abs(shares[k]) / total, negative = shares[k] < 0;
      const piece = svg("path", {
        d: arc(turn, turn + part, negative ? 62 : 50, negative ? 88 : 100), fill: k ? colour.word(k - 1) : "#777",
        stroke: colour.read("--panel"), "stroke-width": 1.5, "data-entry": k, "stroke-dasharray": negative ? "4 3" : "none",
      });
      piece.append(svg("title", {}));
      piece.firstChild.textContent = `${names[k]}: ${percent(shares[k])}`;
      picture.append(piece);
      if (part > 0.06) {
        const angle = 2 * Math.PI * (turn + part / 2) - Math.PI / 2;
        const text = svg("text", {
          x: 76 * Math.cos(angle), y: 76 * Math.sin(angle) + 4, "text-anchor": "middle", "font-size": 11, fill: "#111",
        });
        text.textContent = `${negative ? "−" : ""}${names[k].slice(0, 8)}`;
        picture.append(text);
      }
      turn += part;
    }
    const middle = svg("text", { y: 5, "text-anchor": "middle", "font-size": 13, fill: "currentColor" });
    middle.textContent = `after ${model.words[view.word]}`.slice(0, 18);
    picture.append(middle);
    const ranked = shares.map((share, k) => [k, share]).sort((x, y) => Math.abs(y[1]) - Math.abs(x[1])).slice(0, 8);
    const rows = ranked.map(([k, share]) => [k ? `${k} ${names[k]}` : "start", percent(share)]);
    place.append(
      element("p", { class: "quiet" }, `${run.carry.equation}. Shares of ${run.carry.state} after the picked word; ${said}. `
        + "Gates are held at their values: this is bookkeeping, not what would happen without a word."),
      toggle,
      element("div", { class: "ring" }, picture, table(["written by", "share"], rows)),
      element("p", { class: "check", "data-holds": check.holds, "data-check": "ring" }, check.text));
  }

  return { draw };
})();
