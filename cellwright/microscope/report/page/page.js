"use strict";
// The page: what is picked, who draws it, keys, and the line that says how many figures add up.
const page = (() => {
  const { element } = words, byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("payload").textContent), arrays = [];
  codec.decodeAll(data.models, "", arrays);
  const view = { word: 0, unit: 0, brush: null, side: "value", phase: "forget", oneUnit: false };
  const self = { view, place: [0, 0], pick, data, arrays };
  const panels = data.models.map((model, k) => new Panel(self, model, k));
  const most = (read) => Math.max(...data.models.map(read));
  const steps = most((model) => model.words.length);
  let runs = data.models.flatMap((model) => model.runs.map((run) => `${run.layer} ${run.direction}`));
  runs = [...new Set(runs)].sort();

  function clamp(value, low, high) { return Math.min(high, Math.max(low, value)); }

  function units() { return Math.max(...panels.map((panel) => panel.run.values[panel.run.states[0]].shape[1])); }

  // Change what is picked and draw what depends on it.
  function pick(change) {
    const whole = "side" in change || "place" in change || "theme" in change;
    if (change.place) self.place = change.place;
    const { place, theme, ...rest } = change;
    Object.assign(view, rest);
    view.word = clamp(view.word, 0, Math.min(...data.models.map((model) => model.words.length)) - 1);
    view.unit = clamp(view.unit, 0, units() - 1);
    byId("word").value = view.word;
    byId("word-said").textContent = `${view.word + 1} ${data.models[0].words[view.word]}`;
    byId("unit").value = view.unit;
    byId("side").setAttribute("aria-pressed", String(view.side === "gradient"));
    byId("run").value = self.place.join(" ");
    panels.forEach((panel) => panel.draw(whole));
    if (whole) compare();
    if (whole) recheck();
  }

  // Every identity and every array, again.
  function recheck() {
    const found = data.models.flatMap((model) => model.figures.filter((one) => one.check !== null).map(checks.figure));
    const intact = arrays.filter((array) => checks.asWritten(array).holds).length, good = found.filter((one) => one.holds).length;
    const holds = good === found.length && intact === arrays.length;
    const line = byId("summary");
    line.className = "check";
    line.setAttribute("data-holds", String(holds));
    line.textContent = `${good} of ${found.length} figures add up; ${intact} of ${arrays.length} arrays are as they were written`;
    return holds;
  }

  function nextPhase() {
    const at = wiring.PHASES.indexOf(view.phase);
    if (at + 1 < wiring.PHASES.length) pick({ phase: wiring.PHASES[at + 1] });
    else {
      const back = panels[0].run.direction ? -1 : 1;
      pick({ phase: wiring.PHASES[0], word: clamp(view.word + back, 0, steps - 1), brush: null });
    }
  }

  function nextRun() {
    const at = (runs.indexOf(self.place.join(" ")) + 1) % runs.length;
    pick({ place: runs[at].split(" ").map(Number) });
  }

  function flipSide() { pick({ side: view.side === "value" ? "gradient" : "value" }); }

  function flipTheme() {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    pick({ theme: true });
  }

  function flipHelp() {
    byId("keys").hidden = !byId("keys").hidden;
    byId("help").setAttribute("aria-expanded", String(!byId("keys").hidden));
  }

  // Two models: their gradients by lag in one chart, before each one's own column.
  function compare() {
    if (data.models.length < 2) return;
    let place = byId("compare");
    if (!place) {
      place = element("section", { class: "panel", id: "compare", style: "grid-column:1/-1" });
      byId("models").prepend(place);
    }
    const entries = panels.flatMap((panel) => {
      const figure = panel.figure("gradient_by_lag");
      return figure ? [...figure.arrays.norm.values].map((value, x) => ({ x, value, series: `${panel.number + 1} ${panel.model.name}` })) : [];
    });
    const chart = charts.holder("gradient by lag of both models");
    place.replaceChildren(element("h2", {}, "Side by side: gradient by lag"), chart,
      ...panels.map((panel) => element("p", { class: "quiet" }, `${panel.number + 1} ${panel.model.name}: ${panel.figure("gradient_by_lag")?.verdict ?? "no gradients"}`)));
    charts.lines(chart, entries, { x: "lag (words back)", y: "norm", log: figures.spans(entries.map((entry) => entry.value)), series: "model" });
  }

  function brush(by) {
    const [from, to] = view.brush ?? [view.word, view.word], anchor = view.word === to ? from : to;
    const word = clamp(view.word + by, 0, steps - 1);
    pick({ word, brush: [Math.min(anchor, word), Math.max(anchor, word)] });
  }

  const KEYS = {
    ArrowLeft: () => pick({ word: view.word - 1, brush: null }), ArrowRight: () => pick({ word: view.word + 1, brush: null }),
    ArrowUp: () => pick({ unit: view.unit - 1 }), ArrowDown: () => pick({ unit: view.unit + 1 }),
    Escape: () => pick({ brush: null }), n: nextPhase, g: flipSide, l: nextRun, t: flipTheme, "?": flipHelp,
    1: () => pick({ phase: "forget" }), 2: () => pick({ phase: "input" }), 3: () => pick({ phase: "update" }), 4: () => pick({ phase: "output" }),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const act = event.shiftKey && event.key === "ArrowLeft" ? () => brush(-1)
      : event.shiftKey && event.key === "ArrowRight" ? () => brush(1) : KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  byId("word").max = steps - 1;
  byId("word").addEventListener("input", () => pick({ word: Number(byId("word").value), brush: null }));
  byId("unit").addEventListener("change", () => pick({ unit: Number(byId("unit").value) || 0 }));
  byId("side").addEventListener("click", flipSide);
  byId("next").addEventListener("click", nextPhase);
  byId("theme").addEventListener("click", flipTheme);
  byId("help").addEventListener("click", flipHelp);
  byId("run").append(...runs.map((run) => {
    const [layer, direction] = run.split(" ").map(Number);
    return element("option", { value: run }, `${layer + 1} ${direction ? "backward" : "forward"}`);
  }));
  byId("run").addEventListener("change", () => pick({ place: byId("run").value.split(" ").map(Number) }));
  addEventListener("resize", () => panels.forEach((panel) => panel.heats.forEach((one) => one.cursor())));
  byId("title").textContent = document.title;
  byId("version").textContent = data.version;
  byId("models").append(...panels.map((panel) => panel.root));
  if (panels.length === 1) panels[0].root.classList.add("alone");
  if (data.epochs.length) epochs.draw(byId("epochs"), data.epochs);
  pick({ place: runs[0].split(" ").map(Number), word: data.models[0].words.length - 1 });
  document.documentElement.dataset.ready = "true";
  return { ...self, panels, recheck, redraw: () => pick({ theme: true }) };
})();
