// The server's own colour maps: eight maps of 256 rows of red, green, blue.

import { address } from "./api.js";
import { element } from "./dom.js";

const ORDER = ["viridis", "jet", "inferno", "magma", "plasma", "cividis", "turbo", "gray"];

/** For a select: those that keep their order for colour-blind eyes and in print, and those that do not. */
export const COLORMAPS = [
  { group: "colour-blind safe", options: ["viridis", "cividis", "inferno", "magma", "plasma", "gray"] },
  { group: "rainbow", options: ["jet", "turbo"] },
];

let all = null;

/** Resolves when `rows` can be called. */
export async function loadColormaps() {
  const answer = await fetch(address("web/colormaps.bin"));
  all = new Uint8Array(await answer.arrayBuffer());
}

/** 256 rows of red, green, blue. */
export function rows(name) {
  const first = Math.max(ORDER.indexOf(name), 0) * 768;
  return all.subarray(first, first + 768);
}

/** A bar from the lowest colour to the highest, with the values at its ends. */
export function colorBar(name, low, high, label) {
  const canvas = element("canvas", { width: 1, height: 256, class: "bar", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(1, 256);
  const table = rows(name);
  for (let level = 0; level < 256; level++) {
    const at = 4 * (255 - level);
    pixels.data.set(table.subarray(3 * level, 3 * level + 3), at);
    pixels.data[at + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  const end = (text) => element("span", { textContent: text });
  return element("div", { class: "colorbar", role: "img", "aria-label": label }, end(high), canvas, end(low));
}
