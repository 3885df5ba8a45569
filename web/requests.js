// The view as a request: `{ path, fields, file }`. The page sends it, the download uses it, and the curl command shows
// it.

import { address, hasApiKey } from "./api.js";
import { heatColormap } from "./colormap.js";
import { parameterFields } from "./methods.js";

/** The API's defaults. Fields with these values are left out. */
const DEFAULTS = {
  order: "index",
  normalize: "standard",
  score: "probability",
  sign: "positive",
  view: "overlay",
  scale: "own",
};

/** The pairs of name and value that differ from the API's defaults. */
function nonDefault(pairs, defaults = {}) {
  const known = { ...DEFAULTS, ...defaults };
  return pairs.filter(([name, value]) => value !== "" && known[name] !== value);
}

/** The grid of a layer's channels. */
export function gridRequest(state, columns) {
  const pairs = [
    ["model", state.model],
    ["layer", state.layer],
    ["query", state.query],
    ["columns", String(columns)],
    ["normalize", state.normalize],
    ["order", state.order],
    ["colormap", state.colormap],
  ];
  const file = `${state.layer}.png`;
  return { path: "activations", file, fields: nonDefault(pairs, { columns: "16", colormap: "viridis" }) };
}

/** One channel of a layer. */
export function channelRequest(state) {
  const pairs = [
    ["model", state.model],
    ["layer", state.layer],
    ["query", state.query],
    ["channel", state.channel],
    ["colormap", state.colormap],
  ];
  const file = `${state.layer}-${state.channel}.png`;
  return { path: "activations", file, fields: nonDefault(pairs, { colormap: "viridis" }) };
}

/** The fields that determine the maps of methods and classes. */
export function mapFields(state, methods, classes) {
  const own = methods.flatMap((method) => parameterFields(method, state));
  return [
    ["model", state.model],
    ...methods.map(({ name }) => ["method", name]),
    ["layer", methods.some((method) => method.reads_layer) ? state.explain_layer : ""],
    ...classes.map((index) => ["class", String(index)]),
    ["score", state.score],
    ["sign", state.sign],
    ...new Map(own),
  ];
}

/** The heat maps of methods and classes. The classes are named `labels`. */
export function explainRequest(state, methods, classes, labels) {
  const pairs = [
    ...mapFields(state, methods, classes),
    ["view", state.view],
    ["colormap", state.view === "mask" ? "" : heatColormap(state)],
    ["alpha", state.view === "overlay" ? state.alpha : ""],
    ["percentile", state.percentile],
    ["scale", state.scale],
    ["colorbar", state.view === "mask" ? "" : state.colorbar],
  ];
  const names = methods.map(({ name }) => name).join("-and-");
  const suffix = names === "gradcam" ? "" : `-${names}`;
  const file = `${labels.join("-or-")}${suffix}.png`;
  const isSigned = state.sign === "both";
  const unsigned = ["heatmap", "cells"].includes(state.view) ? "viridis" : "jet";
  const defaults = { colormap: isSigned ? "rdbu" : unsigned, alpha: isSigned ? "0.8" : "0.4" };
  // By default the server draws both signs of a signed map.
  const ranges = new Set(methods.map(({ range }) => range));
  const sign = ranges.size > 1 ? "" : ranges.has("signed") ? "both" : "positive";
  return { path: "explain", file, fields: nonDefault(pairs, { ...defaults, sign }) };
}

/**
 * The request as a shell command. It downloads a sample from this server; it reads the user's own picture from a file.
 */
export function curlCommand(request, picture) {
  // In the value of -F, curl interprets a leading @ or < and any semicolon.
  const flag = (value) => (/^[@<]|;/.test(value) ? "--form-string" : "-F");
  const fields = request.fields.map(([name, value]) => `${flag(value)} ${shellQuote(`${name}=${value}`)}`);
  const image = picture.sample ? "-F image=@-" : `-F ${shellQuote(`image=@${curlFileName(picture.name)}`)}`;
  const sample = picture.sample ? `curl -s ${shellQuote(address(picture.path))} | ` : "";
  const file = shellQuote(safeFileName(request.file));
  // A variable instead of the key, because commands are shared.
  const key = hasApiKey() ? ['-H "x-api-key: $API_KEY"'] : [];
  return `${sample}curl ${[...key, image, ...fields].join(" ")} ${shellQuote(address(request.path))} -o ${file}`;
}

function curlFileName(name) {
  return /[;,"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
}

/** A word of a POSIX shell. */
function shellQuote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A name for a file; labels and layers may contain any character. */
export function safeFileName(name) {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[.-]+/, "_");
}
