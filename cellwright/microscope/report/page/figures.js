"use strict";
// Every figure of the report: picture, numbers, formula, source, and the line that says whether it adds up.
const figures = (() => {
  const { element, number, table } = words;
  const ROWS = 40;

  function labels(figure, axis, size) {
    const names = figure.labels[axis];
    return names ? names.map((name, k) => (new Set(names).size < names.length ? `${k} ${name}` : name))
      : Array.from({ length: size }, (_, k) => String(k));
  }

  const spans = (values) => {
    const positive = values.filter((value) => value > 0 && Number.isFinite(value));
    return positive.length > 0 && !values.some((value) => value < 0 && Number.isFinite(value))
      && Math.log10(Math.max(...positive)) - Math.log10(Math.min(...positive)) > 3;
  };

  function picture(place, figure, name) {
    const array = figure.arrays[name], axis = array.axes[0];
    const names = labels(figure, axis, array.shape[0]), values = [...array.values];
    const nominal = figure.labels[axis] !== undefined && values.length <= 80;
    const entries = values.map((value, k) => ({ x: nominal ? names[k] : k, value }));
    return charts.lines(place, entries, {
      x: axis, y: `${name} [${figure.unit}]`, log: spans(values), xType: nominal ? "nominal" : "quantitative", mark: nominal ? "bar" : null,
    });
  }

  // Of three axes, the table at one place of the first, with a slider over its places.
  function slices(figure, name) {
    const array = figure.arrays[name], [count, ...shape] = array.shape, size = shape[0] * shape[1], [axis, ...axes] = array.axes;
    const said = labels(figure, axis, count), told = element("output"), place = element("div");
    const slider = element("input", { type: "range", min: 0, max: count - 1, value: count - 1, step: 1, "aria-label": `${figure.title}: ${axis}` });
    const show = () => {
      const at = Number(slider.value), values = array.values.slice(at * size, (at + 1) * size);
      told.textContent = `${axis} ${said[at]}`;
      place.replaceChildren(matrix({ ...figure, arrays: { [name]: { values, shape, axes } } }, name));
    };
    slider.addEventListener("input", show);
    show();
    return element("div", { class: "slices" }, element("label", {}, slider, " ", told), place);
  }

  function matrix(figure, name) {
    const array = figure.arrays[name];
    let [rows, columns] = array.shape, value = (r, c) => array.values[r * columns + c], axes = array.axes;
    if (axes[1].startsWith("unit")) {
      const inner = value, width = columns;
      value = (r, c) => inner(c, r);
      [rows, columns] = [width, rows];
      axes = [axes[1], axes[0]];
    }
    const canvas = element("canvas", { class: "heat", width: columns, height: rows, role: "img",
      "aria-label": `${figure.title}: ${axes[0]} down, ${axes[1]} to the right` });
    const reach = Math.max(...[...array.values].filter(Number.isFinite).map(Math.abs), 0) || 1, shade = colour.scale();
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) image.data.set([...shade(value(r, c) / reach), 255], 4 * (r * columns + c));
    context.putImageData(image, 0, 0);
    const said = element("p", { class: "readout quiet" }, `${axes[0]} down, ${axes[1]} to the right; ±${number(reach, 3)}`);
    const down = labels(figure, axes[0], rows), right = labels(figure, axes[1], columns);
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const c = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
      const r = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
      said.textContent = `${axes[0]} ${down[r]}, ${axes[1]} ${right[c]}: ${number(value(r, c), 6)}`;
    });
    return element("div", {}, canvas, said);
  }

  function numbers(figure) {
    const groups = new Map();
    for (const [name, array] of Object.entries(figure.arrays)) {
      if (array.axes.length !== 1) continue;
      if (!groups.has(array.axes[0])) groups.set(array.axes[0], []);
      groups.get(array.axes[0]).push(name);
    }
    return [...groups].map(([axis, names]) => {
      const size = figure.arrays[names[0]].shape[0], said = labels(figure, axis, size);
      const rows = Array.from({ length: Math.min(size, ROWS) }, (_, k) => [said[k], ...names.map((name) => number(figure.arrays[name].values[k]))]);
      const made = element("div", {}, table([axis, ...names], rows));
      if (size > ROWS) made.append(element("p", { class: "note" }, `the first ${ROWS} of ${size}`));
      return made;
    });
  }

  function card(figure) {
    const check = checks.figure(figure), first = Object.keys(figure.arrays)[0];
    const open = element("details", { "data-figure": figure.name },
      element("summary", {}, element("strong", {}, figure.title), figure.verdict ? ` — ${figure.verdict}` : ""));
    open.append(element("p", { class: "check", "data-holds": check.holds, "data-check": figure.name }, `adds up: ${check.text}`));
    const inside = element("div");
    open.append(inside);
    open.addEventListener("toggle", () => {
      if (!open.open || inside.childElementCount) return;
      inside.append(element("p", { class: "quiet" }, `${figure.formula}   [${figure.unit}], range ${figure.range}. Source: ${figure.source}.`));
      const rank = first === undefined ? 0 : figure.arrays[first].shape.length;
      if (rank === 1) {
        const place = charts.holder(figure.title);
        inside.append(place);
        picture(place, figure, first);
      } else if (rank === 2) inside.append(matrix(figure, first));
      else if (rank === 3) inside.append(slices(figure, first));
      inside.append(...numbers(figure), ...figure.notes.map((note) => element("p", { class: "note" }, note)));
    });
    return open;
  }

  return { card, labels, spans };
})();
