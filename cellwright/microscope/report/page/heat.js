"use strict";
// Heat maps on canvas: words to the right, units down. A click picks a word and a unit, a drag brushes words.
const heat = (() => {
  const { element, number } = words;

  const DECADES = 6; // of a gradient's colours; what is smaller has the colour of 0

  // A gate's value is coloured around one half, shut to open; a gradient by its sign and logarithm; all else around 0.
  function draw(canvas, array, kind, steps, units) {
    const gate = kind === "gate", log = kind === "gradient";
    const shade = colour.scale(), reach = gate ? 0.5 : array.values.reduce((a, v) => Math.max(a, Math.abs(v)), 0) || 1;
    const middle = gate ? 0.5 : 0;
    canvas.width = steps;
    canvas.height = units;
    const context = canvas.getContext("2d"), image = context.createImageData(steps, units);
    for (let unit = 0; unit < units; unit++) {
      for (let t = 0; t < steps; t++) {
        const part = (array.values[t * units + unit] - middle) / reach;
        const share = log && part !== 0 ? Math.sign(part) * Math.max(0, 1 + Math.log10(Math.abs(part)) / DECADES) : part;
        const [r, g, b] = shade(share), at = 4 * (unit * steps + t);
        image.data.set([r, g, b, 255], at);
      }
    }
    context.putImageData(image, 0, 0);
    if (gate) return ["0 shut", "", "1 open"];
    return [`−${number(reach, 3)}`, log ? `±${number(reach / 10 ** DECADES, 1)}, log` : "", `+${number(reach, 3)}`];
  }

  // The picked word and unit, and the brush, over the picture: in its own pixels, so that it stays sharp.
  function cursor(overlay, view, steps, units) {
    const box = overlay.getBoundingClientRect();
    overlay.width = Math.max(1, Math.round(box.width * devicePixelRatio));
    overlay.height = Math.max(1, Math.round(box.height * devicePixelRatio));
    const context = overlay.getContext("2d"), wide = overlay.width / steps, high = overlay.height / units;
    const [from, to] = view.brush ?? [view.word, view.word];
    context.strokeStyle = colour.read("--pick");
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeRect(from * wide, 0, (to - from + 1) * wide, overlay.height);
    if (view.unit < units) context.strokeRect(0, view.unit * high - 1, overlay.width, high + 2);
  }

  function map(name, array, kind, panel) {
    const [steps, units] = array.shape, view = panel.view;
    const canvas = element("canvas", { class: "heat" });
    const overlay = element("canvas", {
      class: "heat", tabindex: 0, role: "img", "data-name": name, style: "position:absolute;inset:0;border-color:transparent",
      "aria-label": `${name}: ${steps} words by ${units} units`,
    });
    const [low, floor, high] = draw(canvas, array, kind, steps, units);
    let start = null;
    const place = (event) => {
      const box = overlay.getBoundingClientRect();
      const t = Math.floor(((event.clientX - box.left) / box.width) * steps);
      const unit = Math.floor(((event.clientY - box.top) / box.height) * units);
      return [Math.min(steps - 1, Math.max(0, t)), Math.min(units - 1, Math.max(0, unit))];
    };
    overlay.addEventListener("pointerdown", (event) => {
      start = place(event);
      overlay.setPointerCapture(event.pointerId);
      panel.page.pick({ word: start[0], unit: start[1], brush: null });
    });
    overlay.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [t] = place(event);
      if (t !== start[0] || view.brush) panel.page.pick({ word: t, brush: [Math.min(t, start[0]), Math.max(t, start[0])] });
    });
    overlay.addEventListener("pointerup", () => { start = null; });
    const strip = (colours) => element("i", { style: `background:linear-gradient(90deg,${colours})`, "aria-hidden": "true" });
    const strips = floor ? [strip("var(--low),var(--middle)"), floor, strip("var(--middle),var(--high)")]
      : [strip("var(--low),var(--middle),var(--high)")];
    const figure = element("figure", { "data-heat": name },
      element("figcaption", {}, element("strong", {}, name), kind === "gate" ? " gate" : ""),
      element("div", { style: "position:relative" }, canvas, overlay),
      element("div", { class: "scale" }, low, ...strips, high));
    return { figure, cursor: () => cursor(overlay, view, steps, units) };
  }

  return { map };
})();
