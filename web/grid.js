// All channels of a layer, each a tile that can be chosen. The server draws them in one picture; here it is cut up, so that
// the rows fit the window.

import { askJson } from "./api.js";
import { announce, element, short } from "./dom.js";
import { gridRequest } from "./requests.js";
import { change, current } from "./state.js";
import { bitmapOfPng } from "./strip.js";

/** Tiles a row in the picture that is cut up; nobody sees it. */
const CUT = 16;
/** About the pixels that all tiles together should take, and the smallest and largest side of one. */
const AREA = 560_000;
const SIDE = [46, 148];

/** The channels of the layer in the state: `{ name, shape, channels, dead, bitmap }`. */
export async function channelsOf({ state, picture, signal }) {
  const { fields } = gridRequest(state, CUT);
  const answer = await askJson("activations", { image: picture, fields, signal });
  const [layer] = answer.layers;
  return { ...layer, bitmap: await bitmapOfPng(layer.png) };
}

/** Fills `box` with tiles; `told` gets the line on the channel under the cursor. */
export function showGrid(box, layer, told) {
  const side = sideFor(layer.channels.length);
  box.style.setProperty("--tile", `${side}px`);
  box.setAttribute("aria-label", `${layer.channels.length} channels of ${layer.name}`);
  box.replaceChildren(...layer.channels.map((channel, place) => tile(layer, channel, place, side, told)));
  box.firstChild?.setAttribute("tabindex", "0");
  const dead = layer.dead.length;
  announce(`${layer.name}: ${layer.channels.length} channels${dead > 0 ? `, ${dead} of them dead` : ""}`);
}

function sideFor(count) {
  const [least, most] = SIDE;
  return Math.round(Math.min(Math.max(Math.sqrt(AREA / count), least), most));
}

function tile(layer, channel, place, side, told) {
  const {
    bitmap,
    shape: [, height, width],
  } = layer;
  // More pixels than a dense screen shows would only cost memory.
  const scale = Math.min(1, (2 * side) / Math.max(height, width));
  const canvas = element("canvas", {
    width: Math.ceil(width * scale),
    height: Math.ceil(height * scale),
    "aria-hidden": "true",
  });
  canvas.classList.toggle("coarse", width < side);
  const from = [(place % CUT) * width, Math.floor(place / CUT) * height, width, height];
  canvas.getContext("2d").drawImage(bitmap, ...from, 0, 0, canvas.width, canvas.height);
  const number = element("span", { class: "number", textContent: channel.index, "aria-hidden": "true" });
  const tell = () => told(channel);
  return element(
    "button",
    {
      type: "button",
      class: channel.dead ? "tile dead" : "tile",
      tabindex: "-1",
      "aria-label": describe(channel),
      data: { channel: String(channel.index) },
      onclick: () => change({ channel: channel.index }),
      onpointerenter: tell,
      onfocus: tell,
    },
    canvas,
    number,
  );
}

/** A channel in words. */
export function describe({ index, mean, std, min, max, dead, not_finite }) {
  if (dead) return `channel ${index}: dead, ${short(min)} everywhere`;
  const odd = not_finite > 0 ? `, ${not_finite} values that are no numbers` : "";
  return `channel ${index}: from ${short(min)} to ${short(max)}, mean ${short(mean)}, deviation ${short(std)}${odd}`;
}

/** Arrow keys move among the tiles; Tab goes past them. */
export function setUpGridKeys(box) {
  box.addEventListener("keydown", (event) => {
    const tiles = [...box.children];
    const here = tiles.indexOf(document.activeElement);
    if (here < 0) return;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columnsOf(box),
      ArrowUp: -columnsOf(box),
      Home: -here,
      End: tiles.length - 1 - here,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = tiles[Math.min(Math.max(here + steps[event.key], 0), tiles.length - 1)];
    tiles[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/** Tiles a row on the screen. */
export function columnsOf(box) {
  return Math.max(getComputedStyle(box).gridTemplateColumns.split(" ").length, 1);
}

/** Brings the focus back to the channel that was looked at. */
export function focusTile(box, channel) {
  const found = box.querySelector(`[data-channel="${channel}"]`);
  if (!found) return;
  box.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
  found.tabIndex = 0;
  if (current().view === "layers") found.focus();
}
