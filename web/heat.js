// The last steps of Grad-CAM, as the server takes them, on a canvas: so that strength, colours and kind of drawing change
// while the hand is still on the slider.

/** The raw map after ReLU, divided by its maximum; all zero where nothing is above zero. */
export function heatOf(raw) {
  let largest = 0;
  for (const value of raw) if (value > largest) largest = value;
  return raw.map((value) => (value > 0 && largest > 0 ? value / largest : 0));
}

/** OpenCV's INTER_LINEAR: half-pixel centres, edges clamped. `map` is `{ values, height, width }`. */
export function enlarge(map, height, width) {
  const across = taps(map.width, width);
  const down = taps(map.height, height);
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const [top, bottom, v] = down[y];
    for (let x = 0; x < width; x++) {
      const [left, right, u] = across[x];
      const at = (row, column) => map.values[row * map.width + column];
      const above = at(top, left) * (1 - u) + at(top, right) * u;
      const below = at(bottom, left) * (1 - u) + at(bottom, right) * u;
      out[y * width + x] = above * (1 - v) + below * v;
    }
  }
  return out;
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

/** Where the map is hottest, in words. */
export function whereHottest(map) {
  let best = 0;
  for (let i = 0; i < map.values.length; i++) if (map.values[i] > map.values[best]) best = i;
  const row = (Math.floor(best / map.width) + 0.5) / map.height;
  const column = ((best % map.width) + 0.5) / map.width;
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const vertical = third(row, ["upper", "middle", "lower"]);
  const horizontal = third(column, ["left", "centre", "right"]);
  if (vertical === "middle" && horizontal === "centre") return "in the middle";
  return vertical === "middle" ? `at the ${horizontal}` : `in the ${vertical} ${horizontal}`;
}
