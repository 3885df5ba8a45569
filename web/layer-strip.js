// The map of a method at every layer, small and in a row. A click chooses the layer.

import { colormapOf, heatColormap } from "./colormap.js";
import { cropOf } from "./crop.js";
import { element } from "./dom.js";
import { drawHeatmap, resizeHeat } from "./heatmap.js";
import { listedLayers } from "./layer-list.js";
import { loadMap } from "./maps.js";
import { isLong } from "./methods.js";
import { change } from "./state.js";

/** The longest side of a map, in pixels. */
const SIDE = 108;

const parts = {};

/** The empty strip with its switch. */
export function createLayerStrip() {
  const input = element("input", {
    type: "checkbox",
    id: "all-explained",
    onchange: () => change({ all_explained: input.checked ? "true" : "" }),
  });
  parts.input = input;
  parts.title = element("span");
  parts.list = element("ol", { class: "strip-list", tabIndex: -1 });
  parts.strip = element(
    "div",
    { class: "layer-strip", hidden: true },
    element("label", { class: "checkbox" }, input, parts.title),
    parts.list,
  );
  return parts.strip;
}

/** Shows `method` for class `index` at every listed layer, if the state says so. */
export async function fillLayerStrip(strip, context, method, index) {
  const { state, model, decoded, signal } = context;
  const layers = listedLayers(model).filter((layer) => layer.explainable);
  const isPossible = method.reads_layer && !isLong(method) && layers.length > 1;
  const isShown = isPossible && state.all_explained === "true";
  strip.hidden = !isPossible;
  parts.title.textContent = `${method.title} at every layer`;
  parts.input.checked = isShown;
  parts.list.hidden = !isShown;
  if (!isShown) return parts.list.replaceChildren();
  const selected = state.explain_layer || model.gradcam;
  const items = layers.map((layer) => item(layer, layer.name === selected, decoded));
  const picture = new OffscreenCanvas(decoded.pixels.width, decoded.pixels.height);
  picture.getContext("2d").putImageData(decoded.pixels, 0, 0);
  parts.shown = { context, picture, maps: [] };
  parts.list.replaceChildren(...items);
  scrollToSelected();
  for (const [place, { name }] of layers.entries()) {
    const at = { ...context, state: { ...state, explain_layer: name }, background: true };
    try {
      const map = await loadMap(at, method, index);
      if (signal.aborted) return;
      parts.shown.maps.push([items[place].querySelector("canvas"), map]);
      drawMap(...parts.shown.maps.at(-1), state);
    } catch (error) {
      if (signal.aborted) return;
      // A method may refuse a single layer.
      items[place].querySelector("button").disabled = true;
      items[place].querySelector("canvas").classList.add("loaded");
      items[place].title = error.message;
    }
  }
}

function item({ name, shape }, isSelected, { pixels }) {
  const scale = SIDE / Math.max(pixels.width, pixels.height);
  const [width, height] = [pixels.width, pixels.height].map((side) => Math.max(Math.round(side * scale), 1));
  const canvas = element("canvas", { width, height, "aria-hidden": "true" });
  const button = element(
    "button",
    {
      type: "button",
      class: "layer",
      "aria-pressed": String(isSelected),
      data: { explainedLayer: name },
      onclick: () => change({ explain_layer: name }),
    },
    canvas,
    element("span", { class: "name", textContent: name, title: name }),
    element("span", { class: "shape", textContent: shape.slice(0, 2).join(" × ") }),
  );
  return element("li", {}, button);
}

/** Only the list scrolls, not the page. */
function scrollToSelected() {
  const button = parts.list.querySelector("[aria-pressed=true]");
  if (button) parts.list.scrollLeft = button.offsetLeft + button.offsetWidth / 2 - parts.list.clientWidth / 2;
}

/** Draws the maps again, with the state's alpha and colour map. */
export function redrawLayerStrip(state) {
  for (const [canvas, map] of parts.shown?.maps ?? []) drawMap(canvas, map, state);
}

function drawMap(canvas, map, state) {
  const {
    context: { model, decoded },
    picture: full,
  } = parts.shown;
  const { width, height } = canvas;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(full, 0, 0, width, height);
  const picture = context.getImageData(0, 0, width, height);
  const crop = map.rawSize ? { x: 0, y: 0, width: 1, height: 1 } : cropOf(model.input, decoded);
  const heat = resizeHeat(map, crop, height, width);
  const image = context.createImageData(width, height);
  const colormap = colormapOf(heatColormap(state));
  const options = { view: "overlay", colormap, alpha: Number(state.alpha), isSigned: state.sign === "both" };
  drawHeatmap(image.data, picture.data, heat, options);
  context.putImageData(image, 0, 0);
  canvas.classList.add("loaded");
}
