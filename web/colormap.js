// The colour maps of the server: each has 256 rows of red, green, blue.

import { address } from "./api.js";
import { element } from "./dom.js";

/** In the order of the file. */
const NAMES = [
  "viridis",
  "jet",
  "inferno",
  "magma",
  "plasma",
  "cividis",
  "turbo",
  "gray",
  "rdbu",
  "coolwarm",
  "seismic",
];
const BYTES = 3 * 256;

/** The options of a select. */
export const COLORMAPS = [
  { group: "colour-blind safe", options: ["viridis", "cividis", "inferno", "magma", "plasma", "gray"] },
  { group: "rainbow", options: ["jet", "turbo"] },
  { group: "diverging", options: ["rdbu", "coolwarm", "seismic"] },
];

const DIVERGING = COLORMAPS.find(({ group }) => group === "diverging").options;

/** The options for a heat map. Both signs have a diverging colour map. */
export function heatColormaps({ sign }) {
  return sign === "both" ? DIVERGING : COLORMAPS;
}

/** The colour map of the heat: the chosen one, or the server's default where both signs need a diverging one. */
export function heatColormap({ sign, explain_colormap: chosen }) {
  return sign !== "both" || DIVERGING.includes(chosen) ? chosen : DIVERGING[0];
}

let colormaps = null;

/** Resolves when `colormapOf` can be called. */
export async function loadColormaps() {
  const response = await fetch(address("web/colormaps.bin"));
  colormaps = new Uint8Array(await response.arrayBuffer());
}

/** 256 rows of red, green, blue; viridis for an unknown name. */
export function colormapOf(name) {
  const start = Math.max(NAMES.indexOf(name), 0) * BYTES;
  return colormaps.subarray(start, start + BYTES);
}

/** A vertical colour bar with the values `low` and `high` at its ends. */
export function colorBar(name, low, high, label) {
  const canvas = element("canvas", { width: 1, height: 256, class: "gradient", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(1, 256);
  const colormap = colormapOf(name);
  for (let level = 0; level < 256; level++) {
    const offset = 4 * (255 - level);
    pixels.data.set(colormap.subarray(3 * level, 3 * level + 3), offset);
    pixels.data[offset + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  const tick = (text) => element("span", { textContent: text });
  return element("div", { class: "colorbar", role: "img", "aria-label": label }, tick(high), canvas, tick(low));
}
