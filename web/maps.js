// Requests the map of a class, and caches the most recent maps.

import { request } from "./api.js";
import { heatOf } from "./heatmap.js";
import { percentileOf } from "./methods.js";
import { parseNpy } from "./npy.js";
import { mapFields } from "./requests.js";

const cache = new Map();
const CACHE_SIZE = 48;

/**
 * The map of class `index`: `{ values, height, width, index, layer, probability, empty, saturated }`, values 0..1 on the
 * grid of the layer or of the input. `rawSize` is set where the values have the picture's size instead; it is the height and
 * width of that grid.
 */
export async function loadMap({ state, method, picture, signal }, index) {
  const { path } = method;
  const fields = mapFields(state, method, [index]).filter(([, value]) => value !== "");
  const key = JSON.stringify([picture.id, path, fields]);
  if (cache.has(key)) return cache.get(key);
  const { bytes, headers } = await request(path, { image: picture, fields, accept: "application/x-npy", signal });
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
  let map = { values: heatOf(rawMap, percentileOf(method)), height, width, ...diagnosis };
  const hasUnderflown = !map.empty && !map.values.some((value) => value > 0);
  if (hasUnderflown)
    map = { ...(await drawnMap(path, picture, fields, signal)), ...diagnosis, rawSize: [height, width] };
  cache.set(key, map);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value);
  return map;
}

/** The heat from the server's drawing, for raw maps whose values are too small for float32. */
async function drawnMap(path, picture, fields, signal) {
  const drawing = [...fields, ["view", "heatmap"], ["colormap", "gray"]];
  const { bytes } = await request(path, { image: picture, fields: drawing, accept: "image/png", signal });
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { values: Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255), height, width };
}
