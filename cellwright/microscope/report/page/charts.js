"use strict";
// Vega-Lite charts, coloured as the page is. Vega is in this file; nothing is fetched.
const charts = (() => {
  const { element, number } = words;
  const live = new Map(); // element -> its view, to be ended when it is drawn anew

  const SERIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"]; // Okabe & Ito

  function config() {
    const ink = colour.read("--ink"), quiet = colour.read("--quiet"), edge = colour.read("--edge");
    const axis = { labelColor: ink, titleColor: quiet, gridColor: edge, domainColor: quiet, tickColor: quiet, labelLimit: 110 };
    return {
      background: null, font: getComputedStyle(document.body).fontFamily, view: { stroke: null }, axis,
      legend: { labelColor: ink, titleColor: quiet }, title: { color: ink, anchor: "start", fontSize: 13 }, mark: { color: colour.read("--mark") },
      header: { labelColor: ink, titleColor: quiet },
    };
  }

  // No address is ever opened, whatever a specification says.
  const loader = vega.loader();
  loader.load = () => Promise.reject(new Error("nothing is fetched"));

  async function show(place, spec, onClick = null) {
    for (const [other, view] of live) {
      if (other !== place && other.isConnected) continue;
      view.finalize();
      live.delete(other);
    }
    if (!place.isConnected) return;
    const compiled = vegaLite.compile({ ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" }, config: config() }).spec;
    const view = new vega.View(vega.parse(compiled), { renderer: "svg", loader, container: place, hover: true });
    live.set(place, view);
    if (onClick) view.addEventListener("click", (_, item) => { if (item?.datum) onClick(item.datum); });
    await view.runAsync();
    place.setAttribute("data-drawn", "true");
  }

  const holder = (label) => element("div", { class: "chart", role: "img", "aria-label": label, style: "width:100%" });

  // entries: [{x, value, series}]; a log scale has a floor on which what is 0 stands as a triangle.
  function lines(place, entries, { x, y, log = false, xType = "quantitative", mark = null, height = 170, series = "", ordered = false }, onClick) {
    const positive = entries.map((entry) => entry.value).filter((value) => value > 0 && Number.isFinite(value));
    const floor = log && positive.length ? 10 ** Math.floor(Math.log10(Math.min(...positive)) - 0.5) : null;
    const data = entries.map((entry) => {
      const usable = Number.isFinite(entry.value) && (floor === null || entry.value > 0);
      return { ...entry, shown: usable ? entry.value : floor ?? 0, said: number(entry.value, 6), onFloor: !usable };
    });
    const scale = floor === null ? {} : { scale: { type: "log", domainMin: floor } };
    const encoding = {
      x: { field: "x", type: xType, title: x, sort: null, axis: xType === "quantitative" ? { tickMinStep: 1 } : { labelAngle: -40 } },
      y: { field: "shown", type: "quantitative", title: y, ...scale },
      tooltip: [{ field: "x", title: x }, { field: "said", title: y }, ...(series ? [{ field: "series", title: series }] : [])],
    };
    const apart = series ? {
      color: { field: "series", type: "nominal", title: series, sort: ordered ? "ascending" : null, scale: ordered ? { scheme: "viridis" } : { range: SERIES } },
      shape: { field: "series", type: "nominal", title: series },
    } : {};
    const dashes = series ? { strokeDash: { field: "series", type: "nominal", title: series } } : {};
    const layer = xType === "nominal" && mark === "bar"
      ? [{ mark: "bar", encoding: { ...encoding, ...apart, shape: undefined } }]
      : [{ mark: "line", encoding: { ...encoding, ...(series ? { color: apart.color } : {}), ...dashes } },
        { mark: { type: "point", filled: true, size: entries.length > 150 ? 6 : 36 }, encoding: { ...encoding, ...apart } }];
    layer.push({ transform: [{ filter: "datum.onFloor" }], mark: { type: "point", shape: "triangle-down", size: 70, color: "#d55e00" }, encoding });
    return show(place, { height, data: { values: data }, layer }, onClick);
  }

  return { holder, lines, show };
})();
