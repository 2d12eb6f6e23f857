"use strict";
// Numbers and elements: how the page writes both.
const words = (() => {
  const number = (value, digits = 4) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "∞" : "−∞";
    const size = Math.abs(value), short = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(digits - 1) : Number(value.toPrecision(digits)).toString();
    return short.replaceAll("-", "−");
  };
  const percent = (value) => `${(100 * value).toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−")} %`;

  // element("p", {class: "note"}, "text", other elements …); text is always text, never markup.
  function element(name, attributes = {}, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key.startsWith("data-")) made.setAttribute(key, String(value));
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...inside);
    return made;
  }

  function table(head, rows, now = -1) {
    const line = (cells, tag) => element("tr", {}, ...cells.map((cell) => element(tag, {}, String(cell))));
    const made = element("table", {}, element("thead", {}, line(head, "th")));
    const body = element("tbody");
    rows.forEach((row, k) => { const one = line(row, "td"); if (k === now) one.className = "now"; body.append(one); });
    made.append(body);
    return made;
  }

  const direction = (run) => (run.direction ? "backward" : "forward");
  return { direction, element, number, percent, table };
})();
