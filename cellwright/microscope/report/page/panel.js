"use strict";
// One model's column: overview first, then heat maps, units, ring, paths of the gradient, wiring, every figure.
class Panel {
  constructor(page, model, number) {
    const { element } = words;
    this.page = page;
    this.model = model;
    this.number = number;
    this.view = page.view;
    this.measure = null;
    this.places = {};
    this.root = element("article", { class: "model", "data-model": number, "aria-label": model.name });
    this.root.append(element("h2", {}, model.name));
    for (const name of ["overview", "heat", "units", "ring", "paths", "wiring", "figures"]) {
      this.places[name] = element("section", { class: "panel", "data-panel": name });
      this.root.append(this.places[name]);
    }
  }

  get run() {
    const [layer, direction] = this.page.place;
    return this.model.runs.find((run) => run.layer === layer && run.direction === direction) ?? this.model.runs[0];
  }

  figure(name) {
    const run = this.run;
    return this.model.figures.find((figure) => figure.name === name
      && (figure.layer === null || (figure.layer === run.layer && figure.direction === run.direction)));
  }

  absent(name) {
    const run = this.run;
    return this.model.absent.find((one) => one.name === name
      && (one.layer === null || (one.layer === run.layer && one.direction === run.direction)));
  }

  // Drawn anew: all of it when the layer, side or theme changes, else what depends on the picked word and unit.
  draw(whole) {
    if (whole) {
      this.drawOverview();
      this.drawHeats();
      this.drawPaths();
      this.drawFigures();
    }
    this.markWords();
    this.heats.forEach((one) => one.cursor());
    this.drawReadout();
    this.drawUnits();
    this.drawPathNumbers();
    ring.draw(this.places.ring, this);
    wiring.draw(this.places.wiring, this);
  }

  // Numbers a word: what it brings to the decision; what is still held of it at the end; how strong its gradient is.
  measures() {
    const { model, run } = this, steps = model.words.length, found = {};
    const brought = model.total === steps ? this.figure("integrated_gradients") : undefined;
    if (brought) found[`brings to ${model.target}`] = [...brought.arrays.score.values];
    const shares = model.total === steps ? this.figure("ring") : undefined;
    if (shares) {
      const width = shares.arrays.share.shape[1], last = [...shares.arrays.share.values.slice((steps - 1) * width + 1)];
      found[`still held in ${run.carry.state} at the end`] = run.direction ? last.reverse() : last;
    }
    const name = run.states[0], gradient = run.gradients[name];
    if (gradient) {
      const units = gradient.shape[1];
      found[`gradient of ${name}, norm`] = Array.from({ length: steps }, (_, t) =>
        Math.hypot(...gradient.values.slice(t * units, (t + 1) * units)));
    }
    return found;
  }

  drawOverview() {
    const { element, number } = words, { model, places } = this, place = places.overview;
    place.replaceChildren(element("h2", {}, "Overview"));
    if (model.answer) place.append(element("p", { class: "answer" }, element("strong", {}, model.answer.said)));
    place.append(element("p", { class: "quiet" }, `Gradients are of ${model.target || "nothing: none were asked for"}.`));
    place.append(...model.notes.map((note) => element("p", { class: "note" }, note)));
    const measures = this.measures(), names = Object.keys(measures);
    if (!names.includes(this.measure)) this.measure = names[0] ?? null;
    if (names.length) {
      const select = element("select", { "aria-label": "Number under each word" },
        ...names.map((name) => element("option", { selected: name === this.measure }, name)));
      select.addEventListener("change", () => { this.measure = select.value; this.drawOverview(); this.markWords(); });
      place.append(element("label", {}, "Words by what each ", select));
    }
    const strip = element("div", { class: "words" }), values = measures[this.measure] ?? [];
    const top = Math.max(...values.map(Math.abs), 0) || 1, tags = model.answer?.tags;
    this.wordButtons = model.words.map((word, t) => {
      const bar = element("span", { class: "bar" }), share = (values[t] ?? 0) / top;
      bar.append(element("i", { class: share < 0 ? "less" : "", style: `width:${50 * Math.abs(share)}%;${share < 0 ? "right:50%" : "left:50%"}` }));
      const button = element("button", { type: "button", "data-word": t, onclick: () => this.page.pick({ word: t, brush: null }) }, word);
      if (tags && model.total === model.words.length) button.append(element("small", {}, tags[t] ?? ""));
      if (values.length) button.append(bar, element("small", {}, number(values[t], 2)));
      return button;
    });
    strip.append(...this.wordButtons);
    place.append(strip);
    this.drawForgetting(place);
    this.drawLags(place);
  }

  drawForgetting(place) {
    const { element, number, table } = words, figure = this.figure("forgetting_events"), { run } = this;
    place.append(element("h3", {}, "Which units forget"));
    if (!figure) {
      place.append(element("p", { class: "note" }, this.absent("forgetting_events")?.why ?? "not measured"));
      return;
    }
    const { step, unit, a, erased_amount: erased } = figure.arrays, kinds = ["keep", "blend", "clear", "replace"];
    const order = [...step.values.keys()].sort((x, y) => Math.abs(erased.values[y]) - Math.abs(erased.values[x])).slice(0, 6);
    const said = figures.labels(figure, "t", figure.arrays.erased.shape[0]);
    const rows = order.map((k) => [said[step.values[k]], `${run.carry.state} ${unit.values[k]}`, number(a.values[k], 3),
      number(erased.values[k], 3), kinds[figure.arrays.kind.values[k]]]);
    if (rows.length) place.append(table(["word", "unit", "kept share", "erased", "kind"], rows));
    place.append(element("p", { class: "quiet" }, figure.verdict));
  }

  drawLags(place) {
    const { element } = words, figure = this.figure("gradient_by_lag");
    place.append(element("h3", {}, "Gradient by lag"));
    if (!figure) {
      place.append(element("p", { class: "note" }, this.absent("gradient_by_lag")?.why ?? "not measured"));
      return;
    }
    const chart = charts.holder("gradient by lag"), check = checks.figure(figure);
    place.append(chart, element("p", { class: "quiet" }, figure.verdict),
      element("p", { class: "check", "data-holds": check.holds, "data-check": "gradient_by_lag" }, `adds up: ${check.text}`));
    const values = [...figure.arrays.norm.values];
    charts.lines(chart, values.map((value, x) => ({ x, value })), { x: "lag (words back)", y: "norm", log: figures.spans(values) },
      (datum) => this.page.pick({ word: this.wordAtLag(datum.x), brush: null }));
  }

  wordAtLag(lag) {
    const last = this.model.words.length - 1;
    return Math.min(last, Math.max(0, this.run.direction ? lag : last - lag));
  }

  drawHeats() {
    const { element } = words, { run, view, places } = this, place = places.heat;
    const side = view.side === "gradient" && Object.keys(run.gradients).length ? run.gradients : run.values;
    place.replaceChildren(element("h2", {}, side === run.values ? "Gates and states" : `Gradients of ${this.model.target}`),
      element("p", { class: "quiet" }, "Words to the right, units down; click a word and unit, drag to brush words."));
    const grid = element("div", { class: "heats" });
    this.heats = run.names.filter((name) => side[name]?.shape.length === 2)
      .map((name) => heat.map(name, side[name], side === run.gradients ? "gradient" : run.gates.includes(name) ? "gate" : "value", this));
    grid.append(...this.heats.map((one) => one.figure));
    this.readout = element("p", { class: "readout", role: "status", "aria-live": "polite" });
    const found = Object.values(side).map(checks.asWritten), holds = found.every((one) => one.holds);
    place.append(grid, this.readout, element("p", { class: "check", "data-holds": holds, "data-check": "heat" },
      `entries as written: Σ of each map, error ${Math.max(...found.map((one) => one.error)).toExponential(1)} (${holds ? "holds" : "does NOT hold"})`));
  }

  drawReadout() {
    const { number } = words, { run, view, model } = this;
    const parts = run.names.map((name) => {
      const value = this.entry(run.values[name]), slope = run.gradients[name] ? this.entry(run.gradients[name]) : null;
      return `${name} = ${number(value, 3)}` + (slope === null ? "" : ` (∂ ${number(slope, 2)})`);
    });
    this.readout.textContent = `${model.words[view.word]}, unit ${run.units[view.unit] ?? view.unit}: ${parts.join(", ")}`;
  }

  entry(array) {
    const width = array.shape[1];
    return array.values[this.view.word * width + Math.min(this.view.unit, width - 1)];
  }

  // From the brushed words to the units that matter there, from the picked unit to its gradient.
  drawUnits() {
    const { element, number } = words, { run, view, model, places } = this, place = places.units;
    const [from, to] = view.brush ?? [view.word, view.word], state = run.states[run.states.length - 1];
    const values = run.values[state], slopes = run.gradients[state], units = values.shape[1];
    const weight = Array.from({ length: units }, (_, unit) => {
      let sum = 0;
      for (let t = from; t <= to; t++) sum += Math.abs(values.values[t * units + unit] * (slopes ? slopes.values[t * units + unit] : 1));
      return sum / (to - from + 1);
    });
    const order = [...weight.keys()].sort((x, y) => weight[y] - weight[x]).slice(0, 8);
    const span = from === to ? `“${model.words[from]}”` : `“${model.words[from]} … ${model.words[to]}”`;
    place.replaceChildren(element("h2", {}, `Units at ${span}`),
      element("p", { class: "quiet" }, slopes ? `Largest |${state} · ∂ target / ∂ ${state}|, first-order effect of the unit there.` : `Largest |${state}|.`),
      element("div", { class: "units" }, ...order.map((unit) => element("button", {
        type: "button", "aria-pressed": String(unit === view.unit), "data-unit": unit, onclick: () => this.page.pick({ unit }),
      }, `${run.units[unit]}: ${number(weight[unit], 2)}`))));
    const steps = model.words.length, nominal = steps <= 40;
    const series = (side) => run.names.filter((name) => side[name] && side[name].shape[1] === units).flatMap((name) =>
      Array.from({ length: steps }, (_, t) => ({ x: nominal ? `${t + 1} ${model.words[t]}` : t, value: side[name].values[t * units + view.unit], series: name })));
    const named = run.units[view.unit] ?? view.unit, drawn = [];
    for (const [side, said] of [[run.values, "value"], [run.gradients, "∂ target"]]) {
      if (!Object.keys(side).length) continue;
      const chart = charts.holder(`${said} of unit ${named} by word`);
      place.append(element("h3", {}, `${said === "value" ? "Values" : "Gradients"} of unit ${named} by word`), chart);
      drawn.push(() => charts.lines(chart, series(side), { x: "word", y: said, xType: nominal ? "nominal" : "quantitative", series: "name" },
        (datum) => this.page.pick({ word: nominal ? parseInt(datum.x, 10) - 1 : datum.x, brush: null })));
    }
    clearTimeout(this.later); // a key held down moves on before charts are drawn
    this.later = setTimeout(() => drawn.forEach((one) => one()), 40);
  }

  drawPaths() {
    const { element } = words, place = this.places.paths, figure = this.figure("detours");
    place.replaceChildren(element("h2", {}, "Carry path and detours"));
    if (!figure) {
      place.append(element("p", { class: "note" }, this.absent("detours")?.why ?? "not measured"));
      return;
    }
    const { share } = figure.arrays, [steps, most] = share.shape, said = figures.labels(figure, "t", steps), entries = [];
    for (let t = 0; t < steps; t++) {
      for (let m = 0; m < most; m++) {
        const name = m === 0 ? "0 carry path" : m === most - 1 ? `${m} or more` : `${m} detours`;
        const value = share.values[t * most + m];
        if (value !== 0) entries.push({ x: steps > 40 ? t : `${t + 1} ${said[t].replace(/^\d+ /, "")}`, value, series: name });
      }
    }
    const chart = charts.holder("share of the gradient by number of detours"), check = checks.figure(figure);
    place.append(element("p", { class: "quiet" }, "Of the gradient that arrives at each word: which share came by the carry path alone, which left it once, twice …"),
      chart, element("p", { class: "quiet" }, figure.verdict),
      element("p", { class: "check", "data-holds": check.holds, "data-check": "detours" }, `adds up: ${check.text}`));
    charts.lines(chart, entries, { x: "word read", y: "share", xType: "nominal", mark: "bar", series: "detours", ordered: true });
    this.pathNumbers = element("div");
    place.append(this.pathNumbers);
  }

  // The shares of the picked word in numbers.
  drawPathNumbers() {
    const figure = this.figure("detours"), { model, run, view } = this, { percent, table } = words;
    if (!figure || model.total !== model.words.length) return;
    const [steps, most] = figure.arrays.share.shape, t = run.direction ? steps - 1 - view.word : view.word;
    const rows = Array.from({ length: most }, (_, m) => [m === 0 ? "carry path" : m === most - 1 ? `${m} or more detours` : `${m} detours`,
      percent(figure.arrays.share.values[t * most + m])]).filter(([, said]) => said !== "0.0 %");
    this.pathNumbers?.replaceChildren(table([`at “${model.words[view.word]}”`, "share"], rows));
  }

  drawFigures() {
    const { element } = words, { run, model } = this, place = this.places.figures;
    const here = model.figures.filter((one) => one.layer === null || (one.layer === run.layer && one.direction === run.direction));
    const missing = model.absent.filter((one) => one.layer === null || (one.layer === run.layer && one.direction === run.direction));
    place.replaceChildren(element("h2", {}, "Every figure"), ...here.map(figures.card),
      ...missing.map((one) => element("p", { class: "note" }, `${one.name.replaceAll("_", " ")}: ${one.why}`)));
  }

  markWords() {
    const [from, to] = this.view.brush ?? [-1, -1];
    this.wordButtons.forEach((button, t) => {
      button.setAttribute("aria-current", String(t === this.view.word));
      button.classList.toggle("brushed", t >= from && t <= to);
    });
  }
}
