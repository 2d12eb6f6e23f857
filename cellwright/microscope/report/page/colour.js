"use strict";
// Colours of numbers: blue – neutral – orange around 0, which colour-blind readers tell apart; from the page's theme.
const colour = (() => {
  const read = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Okabe & Ito's set and its lighter halves, one a word; the word's number stands beside it.
  const WORDS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999"];

  function parts(hex) {
    const text = hex.replace("#", "");
    return [0, 2, 4].map((k) => parseInt(text.slice(k, k + 2), 16));
  }

  // value / reach in −1 … 1 -> [r, g, b]
  function scale() {
    const low = parts(read("--low")), middle = parts(read("--middle")), high = parts(read("--high"));
    return (share) => {
      const end = share < 0 ? low : high, weight = Math.min(1, Math.abs(share)) ** 0.8;
      return middle.map((m, k) => m + (end[k] - m) * weight);
    };
  }

  return { read, scale, word: (k) => WORDS[k % WORDS.length] };
})();
