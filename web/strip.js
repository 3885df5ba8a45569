// The network as a strip: each layer a stack of sheets, as high as its maps and as thick as its channels, so that one sees
// pictures become small and many.

import { askJson } from "./api.js";
import { byId, element, grouped } from "./dom.js";
import { change, current } from "./state.js";

/** Layers in one request for thumbnails. */
const BATCH = 6;
/** More layers than these are shown only when asked for. */
const MANY = 20;

/** Whether a layer has maps to look at. */
export function isPicture(layer) {
  return layer.shape.length === 3 && layer.shape[0] * layer.shape[1] > 1;
}

/** The layers in the strip. */
function layersShown(model) {
  if (model.layers.length <= MANY || current().all) return model.layers;
  return model.layers.filter((layer) => model.shown.includes(layer.name));
}

/** The layer whose channels are shown: the one chosen, else the first. */
export function chosenLayer(model) {
  const { layer } = current();
  if (model.layers.some(({ name }) => name === layer)) return layer;
  return model.shown[0] ?? model.layers.find(isPicture)?.name ?? "";
}

/** One item a layer, without pictures yet. */
export function showStrip(model) {
  const box = byId("all-layers");
  box.hidden = model.layers.length <= MANY;
  box.querySelector("span").textContent = `all ${model.layers.length}`;
  box.querySelector("input").checked = Boolean(current().all);
  const tallest = Math.max(...model.layers.filter(isPicture).map(({ shape }) => shape[0]));
  byId("strip").replaceChildren(...layersShown(model).map((layer) => item(layer, tallest)));
  markStrip(model);
}

function item(layer, tallest) {
  const { name, shape, parameters, kind } = layer;
  const weights = parameters === 0 ? "\u00a0" : `${grouped(parameters)} weights`;
  const words = [
    element("span", { class: "name", textContent: name, title: name }),
    element("span", { class: "unseen", textContent: `, ${kind}, ` }),
    element("span", { class: "shape", textContent: shape.join(" × ") }),
    element("span", { class: "weights", textContent: weights }),
  ];
  if (!isPicture(layer)) {
    const room = element("span", { class: "room" }, element("span", { class: "sheet units", "aria-hidden": "true" }));
    return element("li", { class: "flat" }, element("div", { class: "layer" }, room, ...words));
  }
  const sheet = element("canvas", { class: "sheet", width: 1, height: 1, "aria-hidden": "true" });
  // A fourth root: 224 and 7 pixels must both fit, and still be told apart.
  sheet.style.setProperty("--side", `${Math.round(92 * (shape[0] / tallest) ** 0.28)}px`);
  sheet.style.boxShadow = stack(Math.round(Math.log2(shape[2])));
  const open = () => change({ view: "layers", layer: name, channel: "" });
  const attributes = { type: "button", class: "layer", data: { layer: name }, "aria-pressed": "false", onclick: open };
  return element("li", {}, element("button", attributes, element("span", { class: "room" }, sheet), ...words));
}

/** Sheets behind the first: one for each doubling of the channels. */
function stack(sheets) {
  const edges = Array.from({ length: Math.min(sheets, 10) }, (_, i) => {
    const far = i + 1;
    return `${far * 2}px ${-far * 2}px 0 -0.5px var(--${far % 2 ? "edge" : "sheet"})`;
  });
  return edges.join(", ");
}

/** Marks the layer that is shown. */
export function markStrip(model) {
  const { view } = current();
  const chosen = view === "layers" ? chosenLayer(model) : "";
  for (const button of byId("strip").querySelectorAll("button")) {
    const isChosen = button.dataset.layer === chosen;
    button.setAttribute("aria-pressed", String(isChosen));
    if (isChosen) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** On each sheet the layer's most active channel. */
export async function fillStrip(picture, model, signal) {
  const layers = layersShown(model)
    .filter(isPicture)
    .map(({ name }) => name);
  for (let first = 0; first < layers.length; first += BATCH) {
    const batch = layers.slice(first, first + BATCH);
    const fields = [
      ["model", model.name],
      ["order", "mean"],
      ["limit", "1"],
      ["titles", "false"],
      ["colormap", current().colors],
    ];
    for (const name of batch) fields.push(["layer", name]);
    const answer = await askJson("activations", { image: picture, fields, signal, patient: true });
    await Promise.all(answer.layers.map(drawSheet));
    if (signal.aborted) return;
  }
}

async function drawSheet({ name, png }) {
  const bitmap = await bitmapOfPng(png);
  const canvas = byId("strip").querySelector(`[data-layer="${CSS.escape(name)}"] canvas`);
  if (!canvas) return;
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.classList.toggle("coarse", bitmap.width < 92);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  canvas.classList.add("drawn");
}

/** A PNG in base64 as something that can be drawn. */
export async function bitmapOfPng(base64) {
  const bytes = Uint8Array.from(atob(base64), (symbol) => symbol.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}
