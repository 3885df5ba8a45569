// Requests the map of a class, and caches the most recent maps.

import { request } from "./api.js";
import { heatOf } from "./heatmap.js";
import { parseNpy } from "./npy.js";

const cache = new Map();
const CACHE_SIZE = 48;

/**
 * The map of class `index`: `{ values, height, width, index, layer, probability, empty, saturated }`, values 0..1 on the
 * layer's grid. `rawSize` is set where the values have the picture's size instead; it is the grid's height and width.
 */
export async function loadMap({ state, model, picture, signal }, index) {
  const fields = [
    ["model", model.name],
    ["class", String(index)],
    ["layer", state.explain_layer || model.gradcam],
    ["score", state.score],
    ["sign", state.sign],
  ];
  const key = JSON.stringify([picture.id, fields]);
  if (cache.has(key)) return cache.get(key);
  const { bytes, headers } = await request("gradcam", { image: picture, fields, accept: "application/x-npy", signal });
  const {
    shape: [height, width],
    values: rawMap,
  } = parseNpy(bytes);
  const probability = headers("convscope-probability");
  const diagnosis = {
    index,
    layer: headers("convscope-layer"),
    probability: probability === "none" ? null : Number(probability),
    empty: headers("convscope-empty") === "true",
    saturated: headers("convscope-saturated") === "true",
  };
  let map = { values: heatOf(rawMap), height, width, ...diagnosis };
  const hasUnderflown = !map.empty && !map.values.some((value) => value > 0);
  if (hasUnderflown) map = { ...(await drawnMap(picture, fields, signal)), ...diagnosis, rawSize: [height, width] };
  cache.set(key, map);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value);
  return map;
}

/** The heat from the server's drawing, for raw maps whose values are too small for float32. */
async function drawnMap(picture, fields, signal) {
  const drawing = [...fields, ["view", "heatmap"], ["colormap", "gray"]];
  const { bytes } = await request("gradcam", { image: picture, fields: drawing, accept: "image/png", signal });
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { values: Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255), height, width };
}
