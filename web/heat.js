// The last steps of Grad-CAM, as the server takes them, on a canvas: so that strength, colours and kind of drawing change
// while the hand is still on the slider.

/** The raw map after ReLU, divided by its maximum; all zero where nothing is above zero. */
export function heatOf(raw) {
  let largest = 0;
  for (const value of raw) if (value > largest) largest = value;
  return raw.map((value) => (value > 0 && largest > 0 ? value / largest : 0));
}

/**
 * The map at the picture's size, by OpenCV's INTER_LINEAR: half-pixel centres, edges clamped. It lies in `window`, shares
 * of the picture; around it there is no heat. `map` is `{ values, height, width }`.
 */
export function enlarge(map, window, height, width) {
  const [left, columns] = span(window.x, window.width, width);
  const [top, rows] = span(window.y, window.height, height);
  const across = taps(map.width, columns);
  const down = taps(map.height, rows);
  const out = new Float32Array(height * width);
  down.forEach(([above, below, v], y) => {
    across.forEach(([before, after, u], x) => {
      const at = (row, column) => map.values[row * map.width + column];
      const upper = at(above, before) * (1 - u) + at(above, after) * u;
      const lower = at(below, before) * (1 - u) + at(below, after) * u;
      out[(top + y) * width + left + x] = upper * (1 - v) + lower * v;
    });
  });
  return out;
}

/** Start and length in pixels; at least one. */
function span(from, share, length) {
  const start = Math.min(Math.round(from * length), length - 1);
  return [start, Math.max(Math.min(Math.round((from + share) * length), length) - start, 1)];
}

/** For each position: the one before, the one after, and how far between them it is. */
function taps(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(Math.max((i + 0.5) * (from / to) - 0.5, 0), from - 1);
    const index = Math.floor(position);
    return [index, Math.min(index + 1, from - 1), position - index];
  });
}

/**
 * Draws `heat` (0..1, one a pixel) over the picture's pixels (RGBA) into `out` (RGBA).
 *
 * `overlay`: alpha · colour + picture; `heatmap`: the colours; `mask`: the picture, darkened to a quarter where there is
 * no heat.
 */
export function paint(out, picture, heat, { draw, rows, alpha }) {
  for (let i = 0; i < heat.length; i++) {
    const at = 4 * i;
    const color = 3 * Math.trunc(255 * heat[i]);
    for (let c = 0; c < 3; c++) {
      // Stores to a clamped array round and saturate.
      if (draw === "heatmap") out[at + c] = rows[color + c];
      else if (draw === "mask") out[at + c] = picture[at + c] * (0.25 + 0.75 * heat[i]);
      else out[at + c] = alpha * rows[color + c] + picture[at + c];
    }
    out[at + 3] = 255;
  }
}

/** Where in the picture it is hottest, in words. */
export function whereHottest(heat, { height, width }) {
  let best = 0;
  for (let i = 0; i < heat.length; i++) if (heat[i] > heat[best]) best = i;
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const vertical = third(Math.floor(best / width) / height, ["upper", "middle", "lower"]);
  const horizontal = third((best % width) / width, ["left", "centre", "right"]);
  if (vertical === "middle" && horizontal === "centre") return "in the middle";
  return vertical === "middle" ? `at the ${horizontal}` : `in the ${vertical} ${horizontal}`;
}
