// Requests the map of a class, and caches the most recent maps.

import { request } from "./api.js";
import { heatOf } from "./heatmap.js";
import { parseNpy } from "./npy.js";
import { mapFields } from "./requests.js";

const cache = new Map();
const CACHE_SIZE = 48;

/**
 * The map of class `index`: `{ values, height, width, index, layer, probability, empty, saturated }`, values 0..1, or
 * −1..1 with both signs, on the grid of the layer or of the input. `rawSize` is set where the values have the picture's
 * size instead; it is the height and width of that grid.
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
  const isSigned = state.sign === "both";
  const offset = Number(headers("convscope-offset"));
  const shown = rawMap.map((value) => value - offset);
  let map = { values: heatOf(shown, method.percentile, isSigned), height, width, ...diagnosis };
  const hasUnderflown = !map.empty && !map.values.some((value) => value !== 0);
  if (hasUnderflown)
    map = { ...(await drawnMap(path, picture, fields, isSigned, signal)), ...diagnosis, rawSize: [height, width] };
  cache.set(key, map);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value);
  return map;
}

/** The heat from the server's drawing, for raw maps whose values are too small for float32. */
async function drawnMap(path, picture, fields, isSigned, signal) {
  const drawing = [...fields, ["view", "heatmap"], ["colormap", "gray"]];
  const { bytes } = await request(path, { image: picture, fields: drawing, accept: "image/png", signal });
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const heat = (level) => (isSigned ? level / 127.5 - 1 : level / 255);
  return { values: Float32Array.from({ length: width * height }, (_, i) => heat(data[4 * i])), height, width };
}
