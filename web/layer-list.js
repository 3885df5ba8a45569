// The list of layers. Each layer is drawn as a stack of feature maps: the more values a map has the larger, the more
// channels the thicker.

import { requestJson } from "./api.js";
import { layersOf } from "./attention.js";
import { byId, element, formatCount } from "./dom.js";
import { change, current } from "./state.js";

/** Layers in one request for thumbnails. */
const BATCH = 6;
/** A longer list shows all of its layers only on request. */
const MAX_LAYERS = 20;
/** Side of the largest thumbnail, in pixels. */
const MAX_SIDE = 92;

/** Whether a layer has height and width. */
export function hasGrid(layer) {
  return layer.shape.length === 3 && layer.shape[0] * layer.shape[1] > 1;
}

/** The layers in the list. */
export function listedLayers(model) {
  const layers = layersOf(model);
  if (layers.length <= MAX_LAYERS || current().all_layers) return layers;
  return layers.filter(({ name, kind }) => kind === "attention" || model.shown.includes(name));
}

/** The layer whose channels are shown: that of the state, else the first. */
export function selectedLayer(model) {
  const { layer } = current();
  if (layersOf(model).some(({ name }) => name === layer)) return layer;
  return model.shown[0] ?? model.layers.find(hasGrid)?.name ?? "";
}

/** Shows the layers, without thumbnails yet. */
export function showLayerList(model) {
  const allLayers = byId("all-layers");
  const count = layersOf(model).length;
  allLayers.hidden = count <= MAX_LAYERS;
  allLayers.querySelector("span").textContent = `all ${count}`;
  allLayers.querySelector("input").checked = Boolean(current().all_layers);
  const maxHeight = Math.max(...model.layers.filter(hasGrid).map(({ shape }) => shape[0]));
  byId("layer-list").replaceChildren(...listedLayers(model).map((layer) => listItem(layer, maxHeight)));
  markLayer(model);
}

function listItem(layer, maxHeight) {
  const { name, shape, parameters, kind } = layer;
  const text = [
    element("span", { class: "name", textContent: name, title: name }),
    element("span", { class: "visually-hidden", textContent: `, ${kind}, ` }),
    element("span", { class: "shape", textContent: shape.join(" × ") }),
    element("span", {
      class: "parameters",
      textContent: parameters === 0 ? "\u00a0" : `${formatCount(parameters)} params`,
    }),
  ];
  if (!hasGrid(layer)) {
    const dense = element("span", { class: "thumbnail dense", "aria-hidden": "true" });
    const frame = element("span", { class: "thumbnail-frame" }, dense);
    return element("li", { class: "no-grid" }, element("div", { class: "layer" }, frame, ...text));
  }
  const thumbnail = element("canvas", { class: "thumbnail", width: 1, height: 1, "aria-hidden": "true" });
  // The exponent makes layers of 224 and of 7 values a side both fit and differ visibly.
  thumbnail.style.setProperty("--thumbnail-size", `${Math.round(MAX_SIDE * (shape[0] / maxHeight) ** 0.28)}px`);
  thumbnail.style.boxShadow = stackShadow(shape[2]);
  const attributes = {
    type: "button",
    class: "layer",
    data: { layer: name },
    "aria-pressed": "false",
    onclick: () => change({ tab: "activations", layer: name, channel: "", query: "" }),
  };
  const frame = element("span", { class: "thumbnail-frame" }, thumbnail);
  return element("li", {}, element("button", attributes, frame, ...text));
}

/** The maps behind the first one, as a CSS shadow: one for each doubling of the channels, at most ten. */
function stackShadow(channels) {
  const edges = Array.from({ length: Math.min(Math.round(Math.log2(channels)), 10) }, (_, i) => {
    const depth = i + 1;
    return `${depth * 2}px ${-depth * 2}px 0 -0.5px var(--stack-${depth % 2 ? "edge" : "fill"})`;
  });
  return edges.join(", ");
}

/** Marks the selected layer. */
export function markLayer(model) {
  const selected = current().tab === "activations" ? selectedLayer(model) : "";
  for (const button of byId("layer-list").querySelectorAll("button")) {
    const isSelected = button.dataset.layer === selected;
    button.setAttribute("aria-pressed", String(isSelected));
    if (isSelected) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** Draws each layer's channel with the highest mean as its thumbnail. */
export async function loadThumbnails(picture, model, signal) {
  const layers = listedLayers(model)
    .filter(hasGrid)
    .map(({ name }) => name);
  for (let first = 0; first < layers.length; first += BATCH) {
    const fields = [
      ["model", model.name],
      ["order", "mean"],
      ["limit", "1"],
      ["zoom", "1"],
      ["titles", "false"],
      ["colormap", current().colormap],
      ...layers.slice(first, first + BATCH).map((name) => ["layer", name]),
    ];
    const answer = await requestJson("activations", { image: picture, fields, signal, background: true });
    await Promise.all(answer.layers.map(drawThumbnail));
    if (signal.aborted) return;
  }
}

async function drawThumbnail({ name, png }) {
  const bitmap = await bitmapOfPng(png);
  const canvas = byId("layer-list").querySelector(`[data-layer="${CSS.escape(name)}"] canvas`);
  if (!canvas) return;
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.classList.toggle("pixelated", bitmap.width < MAX_SIDE);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  canvas.classList.add("loaded");
}

/** Decodes a PNG in base64. */
export async function bitmapOfPng(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}
