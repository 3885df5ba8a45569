// Requests the map of a method for a class, and caches the most recent maps.

import { request, requestEvents } from "./api.js";
import { heatOf, strongestOf } from "./heatmap.js";
import { bitmapOfPng } from "./layer-list.js";
import { isLong } from "./methods.js";
import { parseNpy } from "./npy.js";
import { mapFields } from "./requests.js";

const cache = new Map();
const CACHE_SIZE = 96;

/**
 * The map of `method` for class `index`: `{ values, height, width, index, layer, probability, empty, saturated }`,
 * values 0..1, or −1..1 with both signs, on the grid of the layer or of the input. `raw` has them in units of the
 * score. `rawSize` is set where the values have the picture's size instead; it is the height and width of that grid,
 * and there is no `raw`.
 *
 * A method of many passes calls `onProgress({ done, total })`, and `onPreview` with the map as far as it is computed.
 */
export async function loadMap({ state, picture, signal, background }, method, index, { onProgress, onPreview } = {}) {
  const fields = mapFields(state, [method], [index]).filter(([, value]) => value !== "");
  const key = JSON.stringify([picture.id, fields]);
  if (cache.has(key)) return cache.get(key);
  const isSigned = state.sign === "both";
  const onEvent = async (name, data) => {
    if (name === "progress") onProgress?.(data);
    else if (name === "preview") onPreview?.({ ...(await heatOfPng(data.png, isSigned)), index, layer: data.layer });
  };
  const raw = isLong(method)
    ? await streamedMap(picture, fields, signal, onEvent)
    : await arrayMap(picture, fields, signal, background);
  const { values, offset, height, width, ...diagnosis } = raw;
  const shown = offset === 0 ? values : values.map((value) => value - offset);
  const heat = heatOf(shown, strongestOf(shown, method.percentile, isSigned), isSigned);
  let map = { values: heat, raw: shown, height, width, index, ...diagnosis };
  const hasUnderflown = !map.empty && !map.values.some((value) => value !== 0);
  if (hasUnderflown) {
    const drawing = [...fields, ["view", "heatmap"], ["colormap", "gray"]];
    const { bytes } = await request("explain", { image: picture, fields: drawing, accept: "image/png", signal });
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    map = { ...map, ...heatOfBitmap(bitmap, isSigned), raw: undefined, rawSize: [height, width] };
  }
  cache.set(key, map);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value);
  return map;
}

/** The raw map from the server's array, and its diagnosis from the headers. */
async function arrayMap(picture, fields, signal, background) {
  const accept = "application/x-npy";
  const { bytes, headers } = await request("explain", { image: picture, fields, accept, signal, background });
  const {
    shape: [height, width],
    values,
  } = parseNpy(bytes);
  const probability = headers("convscope-probability");
  return {
    values,
    offset: Number(headers("convscope-offset")),
    height,
    width,
    layer: headers("convscope-layer"),
    probability: probability === "none" ? null : Number(probability),
    empty: headers("convscope-empty") === "true",
    saturated: headers("convscope-saturated") === "true",
  };
}

/** The same from server-sent events. */
async function streamedMap(picture, fields, signal, onEvent) {
  const { maps } = await requestEvents("explain", { image: picture, fields, signal, onEvent });
  const [{ map, offset = 0, layers, probability, empty, saturated, passes, samples, standard_error: error }] = maps;
  return {
    values: Float32Array.from(map.flat()),
    offset,
    height: map.length,
    width: map[0].length,
    layer: layers?.[0],
    probability: probability ?? null,
    empty,
    saturated,
    passes,
    samples,
    error,
  };
}

/** The heat in a drawing with the colour map `gray`. */
function heatOfBitmap(bitmap, isSigned) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const heat = (level) => (isSigned ? level / 127.5 - 1 : level / 255);
  return { values: Float32Array.from({ length: width * height }, (_, i) => heat(data[4 * i])), height, width };
}

async function heatOfPng(base64, isSigned) {
  return heatOfBitmap(await bitmapOfPng(base64), isSigned);
}
