// The grid of a layer's channels. The server draws it as one picture; the page cuts it into tiles, so that each channel
// can be selected and a narrower window rearranges them.

import { requestJson } from "./api.js";
import { announce, element, formatNumber } from "./dom.js";
import { bitmapOfPng } from "./layer-list.js";
import { gridRequest } from "./requests.js";
import { change, current } from "./state.js";

/** The area of all tiles together, in pixels, and the smallest and largest side of one. */
const AREA = 560_000;
const [MIN_SIDE, MAX_SIDE] = [46, 148];
/** Pixels between tiles, as in activations.css. */
const GAP = 3;

/** The channels of the selected layer: `{ name, shape, channels, dead, bitmap, columns }`. */
export async function loadGrid({ state, picture, signal }, columns) {
  const { fields } = gridRequest(state, columns);
  // The bare array of values, so that the tiles can be cut out.
  fields.push(["zoom", "1"], ["titles", "false"]);
  const answer = await requestJson("activations", { image: picture, fields, signal });
  const [layer] = answer.layers;
  return { ...layer, bitmap: await bitmapOfPng(layer.png), columns };
}

/**
 * The number of columns for `count` tiles in `width` pixels: close to what fits, and if possible such that the last row
 * is complete. With normalize=standard the empty cells of an incomplete row would count as level 0 and dim all other
 * cells.
 */
export function columnsFor(count, width) {
  const side = Math.min(Math.max(Math.sqrt(AREA / count), MIN_SIDE), MAX_SIDE);
  const fitting = Math.max(Math.floor((width + GAP) / (side + GAP)), 1);
  const distance = (columns) => Math.abs(Math.log(columns / fitting));
  const complete = Array.from({ length: count }, (_, i) => i + 1).filter((columns) => count % columns === 0);
  const best = complete.reduce((one, other) => (distance(other) < distance(one) ? other : one));
  return distance(best) < Math.log(1.7) ? best : Math.min(fitting, count);
}

/** Sets the number of columns of the grid on screen. */
export function setColumns(box, columns) {
  box.style.setProperty("--columns", columns);
}

/** Fills `box` with tiles; `onHover` gets the channel under the pointer or with the focus. */
export function showGrid(box, layer, onHover) {
  const count = layer.channels.length;
  const side = (box.parentElement.clientWidth + GAP) / layer.columns - GAP;
  box.setAttribute("aria-label", `${count} channels of ${layer.name}`);
  box.replaceChildren(...layer.channels.map((channel, position) => tile(layer, channel, position, side, onHover)));
  box.firstChild?.setAttribute("tabindex", "0");
  const dead = layer.dead.length;
  announce(`${layer.name}: ${count} channels${dead > 0 ? `, ${dead} of them dead` : ""}`);
}

function tile(layer, channel, position, side, onHover) {
  const {
    bitmap,
    columns,
    shape: [, height, width],
  } = layer;
  // At most two canvas pixels for each CSS pixel, to save memory.
  const scale = Math.min(1, (2 * side) / Math.max(height, width));
  const canvas = element("canvas", {
    width: Math.ceil(width * scale),
    height: Math.ceil(height * scale),
    "aria-hidden": "true",
  });
  canvas.classList.toggle("pixelated", width < side);
  const source = [(position % columns) * width, Math.floor(position / columns) * height, width, height];
  canvas.getContext("2d").drawImage(bitmap, ...source, 0, 0, canvas.width, canvas.height);
  const index = element("span", { class: "index", textContent: channel.index, "aria-hidden": "true" });
  return element(
    "button",
    {
      type: "button",
      class: channel.dead ? "tile dead" : "tile",
      tabindex: "-1",
      "aria-label": describeChannel(channel),
      data: { channel: String(channel.index) },
      onclick: () => change({ channel: channel.index }),
      onpointerenter: () => onHover(channel),
      onfocus: () => onHover(channel),
    },
    canvas,
    index,
  );
}

/** The statistics of a channel as text. */
export function describeChannel({ index, mean, std, min, max, dead, not_finite }) {
  if (dead) return `channel ${index}: dead, ${formatNumber(min)} everywhere`;
  const notFinite = not_finite > 0 ? `, ${not_finite} values NaN or infinite` : "";
  const [low, high, average, deviation] = [min, max, mean, std].map(formatNumber);
  return `channel ${index}: min ${low}, max ${high}, mean ${average}, std ${deviation}${notFinite}`;
}

/** Arrow keys, Home and End move the focus between tiles; Tab leaves the grid. */
export function setUpGridKeys(box) {
  box.addEventListener("keydown", (event) => {
    const tiles = [...box.children];
    const focused = tiles.indexOf(document.activeElement);
    if (focused < 0) return;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columnsOf(box),
      ArrowUp: -columnsOf(box),
      Home: -focused,
      End: tiles.length - 1 - focused,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = tiles[Math.min(Math.max(focused + steps[event.key], 0), tiles.length - 1)];
    tiles[focused].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

function columnsOf(box) {
  return Number(box.style.getPropertyValue("--columns"));
}

/** Moves the focus to a channel's tile, after the channel was shown alone. */
export function focusTile(box, channel) {
  const tile = box.querySelector(`[data-channel="${channel}"]`);
  if (!tile) return;
  box.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
  tile.tabIndex = 0;
  if (current().tab === "activations") tile.focus();
}
