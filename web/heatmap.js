// From a raw map to a heat map over the picture, with the server's formulas, so that alpha, colour map and view change
// without a request.

/** The raw map without what is not shown: without a sign, negative values are 0, and so are those not finite. */
function shownOf(rawMap, isSigned) {
  return rawMap.map((value) => (Number.isFinite(value) && (isSigned || value > 0) ? value : 0));
}

/**
 * The magnitude of the raw map (a Float32Array) that takes the strongest colour: the percentile `percentile` of its
 * magnitudes. The percentile 100 is the maximum, which is also used where the percentile is 0.
 */
export function strongestOf(rawMap, percentile, isSigned) {
  const sorted = shownOf(rawMap, isSigned).map(Math.abs).toSorted();
  return sorted[Math.ceil((percentile / 100) * (sorted.length - 1))] || sorted.at(-1);
}

/** The raw map as it is drawn: divided by `strongest` and clipped at 1. All zeros where `strongest` is 0. */
export function heatOf(rawMap, strongest, isSigned) {
  const shown = shownOf(rawMap, isSigned);
  if (strongest === 0) return shown.fill(0);
  return shown.map((value) => Math.max(Math.min(value / strongest, 1), -1));
}

/**
 * Resizes `map`, `{ values, height, width }`, as OpenCV's INTER_LINEAR does: half-pixel centres, clamped edges. The
 * result has `height` × `width` values; the map fills `crop`, in shares of them, and the heat around it is 0.
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

/** The row of the colour map for a heat from 0 to 1, or from −1 to 1 with a sign. */
function levelOf(heat, isSigned) {
  return isSigned ? Math.min(Math.trunc((heat + 1) * 128), 255) : Math.trunc(255 * heat);
}

/**
 * Draws `heat` (one value per pixel) with the picture's pixels (RGBA) into `out` (RGBA).
 *
 * `overlay`: alpha · colour + picture; with a sign, the colour with the opacity alpha · √|heat|. `heatmap`: the colours
 * alone. `mask`: the picture · (0.25 + 0.75 · |heat|).
 */
export function drawHeatmap(out, picture, heat, { view, colormap, alpha, isSigned }) {
  for (let i = 0; i < heat.length; i++) {
    const pixel = 4 * i;
    const row = 3 * levelOf(heat[i], isSigned);
    const strength = Math.abs(heat[i]);
    for (let c = 0; c < 3; c++) {
      const [color, below] = [colormap[row + c], picture[pixel + c]];
      // A Uint8ClampedArray rounds and saturates.
      if (view === "heatmap") out[pixel + c] = color;
      else if (view === "mask") out[pixel + c] = below * (0.25 + 0.75 * strength);
      else if (isSigned) out[pixel + c] = below + alpha * Math.sqrt(strength) * (color - below);
      else out[pixel + c] = alpha * color + below;
    }
    out[pixel + 3] = 255;
  }
}

/** The side that the cells of a map come close to, in pixels. */
const CELLS_SIDE = 400;

/** Height and width of the picture of a map's cells. */
export function cellsSize({ height, width }) {
  const zoom = Math.max(Math.floor(CELLS_SIDE / Math.max(height, width) + 0.5), 1);
  return { height: height * zoom, width: width * zoom };
}

/**
 * Draws the values of `map`, one block each, into `out` (RGBA), which has the size of {@link cellsSize}. Without a
 * sign, the least value has the first colour and the greatest the last.
 */
export function drawCells(out, map, { colormap, isSigned }) {
  const { height, width } = cellsSize(map);
  const zoom = height / map.height;
  const [min, max] = boundsOf(map.values);
  const stretched = (heat) => (min === max ? 0 : Math.min(Math.trunc((256 * (heat - min)) / (max - min)), 255));
  const levels = Array.from(map.values, isSigned ? (heat) => levelOf(heat, true) : stretched);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const row = 3 * levels[Math.floor(y / zoom) * map.width + Math.floor(x / zoom)];
      out.set([...colormap.subarray(row, row + 3), 255], 4 * (y * width + x));
    }
  }
}

/** The least and the greatest value. */
export function boundsOf(values) {
  return values.reduce(([min, max], value) => [Math.min(min, value), Math.max(max, value)], [Infinity, -Infinity]);
}

/** The position of the largest magnitude as text. */
export function locationOfMaximum(heat, { height, width }) {
  let best = 0;
  for (let i = 0; i < heat.length; i++) if (Math.abs(heat[i]) > Math.abs(heat[best])) best = i;
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const vertical = third(Math.floor(best / width) / height, ["upper", "middle", "lower"]);
  const horizontal = third((best % width) / width, ["left", "centre", "right"]);
  if (vertical === "middle" && horizontal === "centre") return "in the middle";
  return vertical === "middle" ? `at the ${horizontal}` : `in the ${vertical} ${horizontal}`;
}
