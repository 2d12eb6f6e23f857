"use strict";
// A run trained with --watch: its gradient by lag, gate saturation and horizons, with a slider over the steps of training.
const epochs = (() => {
  const { element, number, table } = words;

  function draw(place, list) {
    place.hidden = false;
    const slider = element("input", { type: "range", min: 0, max: list.length - 1, value: list.length - 1, step: 1, id: "epoch", "aria-label": "Step of training" });
    const said = element("output", { for: "epoch", id: "epoch-said" }), chart = charts.holder("gradient by lag at this step of training"), numbers = element("div");
    const show = () => {
      const one = list[Number(slider.value)];
      said.textContent = `step ${one.step}, epoch ${one.epoch}`;
      const entries = one.curves.flatMap((curve) => curve.values.map((value, x) => ({ x, value: value ?? NaN, series: curve.name })));
      charts.lines(chart, entries, { x: "lag", y: "gradient", log: figures.spans(entries.map((entry) => entry.value)), series: "layer" });
      numbers.replaceChildren(table(["measure", "value"], one.numbers.map(([name, value]) => [name, typeof value === "number" ? number(value) : String(value ?? "not defined")])));
    };
    slider.addEventListener("input", show);
    place.append(element("h2", {}, "While it was trained"), element("label", {}, "Step of training ", slider, " ", said), chart, numbers);
    show();
  }

  return { draw };
})();
