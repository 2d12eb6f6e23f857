"use strict";
// "Adds up": each figure's left side is made again from its arrays, each array's sum is compared with the one written.
const checks = (() => {
  const EPS = 2 ** -52;

  function finiteSum(values) {
    let sum = 0, lost = 0; // Neumaier's sum: the rounding of each addition is kept
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      const next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
    }
    return sum + lost;
  }

  // An array whose entries are not those that were written has another sum.
  function asWritten(array) {
    const error = Math.abs(finiteSum(array.values) - array.sum);
    return { error, holds: error <= 8 * EPS * array.size };
  }

  function strides(shape) {
    const made = new Array(shape.length).fill(1);
    for (let k = shape.length - 2; k >= 0; k--) made[k] = made[k + 1] * shape[k + 1];
    return made;
  }

  function sumOver(array, over) {
    const steps = strides(array.shape), kept = array.shape.map((_, k) => k).filter((k) => !over.includes(k));
    const shape = kept.map((k) => array.shape[k]), inner = strides(shape);
    const made = new Float64Array(shape.reduce((a, b) => a * b, 1));
    array.values.forEach((value, at) => {
      let into = 0;
      kept.forEach((k, place) => { into += (Math.floor(at / steps[k]) % array.shape[k]) * inner[place]; });
      made[into] += value;
    });
    return made;
  }

  function left(figure) {
    const recipe = figure.check.recipe;
    if (recipe === null) return figure.check.left.values;
    if (recipe.how === "entries") return figure.arrays[recipe.array].values;
    if (recipe.how === "sum") return sumOver(figure.arrays[recipe.array], recipe.over);
    return Float64Array.from(Object.values(figure.arrays).flatMap((array) => [...array.values]));
  }

  function figure(one) {
    const written = Object.values(one.arrays).map(asWritten);
    const intact = written.every((check) => check.holds);
    const off = Math.max(0, ...written.map((check) => check.error));
    if (one.check === null) return { text: `no identity; entries as written: error ${off.toExponential(1)}`, holds: intact };
    if (one.check.written !== null) return { text: `${one.check.written.text}, when the page was written`, holds: one.check.written.holds && intact };
    const made = left(one), right = one.check.right.values;
    let error = made.length === right.length ? 0 : Infinity, room = one.check.tolerance ?? Infinity;
    for (let k = 0; k < made.length; k++) {
      if (made[k] === right[k]) continue;
      const apart = Math.abs(made[k] - right[k]);
      error = Math.max(error, Number.isNaN(apart) ? Infinity : apart);
    }
    if (one.check.recipe !== null && one.check.recipe.how === "sum") {
      const array = one.arrays[one.check.recipe.array];
      room += EPS * array.size + (array.exact ? 0 : 2 ** -24 * array.size); // float32 in the file
    } else if (one.check.recipe !== null) {
      for (const array of Object.values(one.arrays)) room += array.exact ? 0 : 2 ** -24 * array.size;
    }
    const rightIntact = asWritten(one.check.right).holds && (one.check.left === null || asWritten(one.check.left).holds);
    const holds = error <= room && intact && rightIntact;
    const entries = intact && rightIntact ? "" : `; entries are not those written: error ${off.toExponential(1)}`;
    return { text: `${one.check.identity}: error ${error.toExponential(1)} (${holds ? "holds" : "does NOT hold"})${entries}`, holds };
  }

  return { asWritten, figure, finiteSum };
})();
