// From a raw map to a heat map over the picture, with the server's formulas, so that alpha, colour map and view change
// without a request.

/**
 * The raw map (a Float32Array) after ReLU, divided by its value at `percentile` and clipped at 1. 100 is the maximum, which
 * is also used where the value at the percentile is 0. All zeros where no value is positive; values that are not finite
 * are 0.
 */
export function heatOf(rawMap, percentile) {
  const positive = rawMap.map((value) => (Number.isFinite(value) && value > 0 ? value : 0));
  const sorted = positive.toSorted();
  const max = sorted.at(-1);
  if (max === 0) return positive;
  const scale = sorted[Math.ceil((percentile / 100) * (sorted.length - 1))] || max;
  return positive.map((value) => Math.min(value / scale, 1));
}

/**
 * Resizes `map`, `{ values, height, width }`, as OpenCV's INTER_LINEAR does: half-pixel centres, clamped edges. The result
 * has `height` × `width` values; the map fills `crop`, in shares of them, and the heat around it is 0.
 */
export function resizeHeat(map, crop, height, width) {
  const [left, columns] = pixelRange(crop.x, crop.width, width);
  const [top, rows] = pixelRange(crop.y, crop.height, height);
  const horizontal = interpolation(map.width, columns);
  const vertical = interpolation(map.height, rows);
  const heat = new Float32Array(height * width);
  vertical.forEach(([row0, row1, v], y) => {
    horizontal.forEach(([column0, column1, u], x) => {
      const at = (row, column) => map.values[row * map.width + column];
      const upper = at(row0, column0) * (1 - u) + at(row0, column1) * u;
      const lower = at(row1, column0) * (1 - u) + at(row1, column1) * u;
      heat[(top + y) * width + left + x] = upper * (1 - v) + lower * v;
    });
  });
  return heat;
}

/** Start and length of a crop in pixels; the length is at least 1. */
function pixelRange(from, share, length) {
  const start = Math.min(Math.round(from * length), length - 1);
  return [start, Math.max(Math.min(Math.round((from + share) * length), length) - start, 1)];
}

/** For each of `to` positions: the two neighbours among `from` values, and the weight of the second. */
function interpolation(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(Math.max((i + 0.5) * (from / to) - 0.5, 0), from - 1);
    const index = Math.floor(position);
    return [index, Math.min(index + 1, from - 1), position - index];
  });
}

/**
 * Draws `heat` (0..1, one value per pixel) with the picture's pixels (RGBA) into `out` (RGBA).
 *
 * `overlay`: alpha · colour + picture. `heatmap`: the colours alone. `mask`: the picture · (0.25 + 0.75 · heat).
 */
export function drawHeatmap(out, picture, heat, { view, colormap, alpha }) {
  for (let i = 0; i < heat.length; i++) {
    const pixel = 4 * i;
    const row = 3 * Math.trunc(255 * heat[i]);
    for (let c = 0; c < 3; c++) {
      // A Uint8ClampedArray rounds and saturates.
      if (view === "heatmap") out[pixel + c] = colormap[row + c];
      else if (view === "mask") out[pixel + c] = picture[pixel + c] * (0.25 + 0.75 * heat[i]);
      else out[pixel + c] = alpha * colormap[row + c] + picture[pixel + c];
    }
    out[pixel + 3] = 255;
  }
}

/** The position of the maximum as text. */
export function locationOfMaximum(heat, { height, width }) {
  let best = 0;
  for (let i = 0; i < heat.length; i++) if (heat[i] > heat[best]) best = i;
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const vertical = third(Math.floor(best / width) / height, ["upper", "middle", "lower"]);
  const horizontal = third((best % width) / width, ["left", "centre", "right"]);
  if (vertical === "middle" && horizontal === "centre") return "in the middle";
  return vertical === "middle" ? `at the ${horizontal}` : `in the ${vertical} ${horizontal}`;
}
