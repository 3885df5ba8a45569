// What is on screen as a request: the same fields for what the page fetches, downloads, and shows as a command.

import { address, hasKey } from "./api.js";

/** What the API takes where a field is left out. */
const DEFAULTS = {
  order: "index",
  normalize: "standard",
  score: "probability",
  sign: "positive",
  view: "overlay",
  alpha: "0.4",
};

/** Pairs of name and value, without those that the API assumes anyway. */
function fields(pairs, defaults = {}) {
  const known = { ...DEFAULTS, ...defaults };
  return pairs.filter(([name, value]) => value !== "" && known[name] !== value);
}

/** The grid of a layer. */
export function gridRequest(state, columns) {
  const pairs = [
    ["model", state.model],
    ["layer", state.layer],
    ["columns", String(columns)],
    ["normalize", state.normalize],
    ["order", state.order],
    ["colormap", state.colors],
  ];
  const file = `${state.layer}.png`;
  return { path: "activations", file, fields: fields(pairs, { columns: "16", colormap: "viridis" }) };
}

/** One channel, large. */
export function channelRequest(state) {
  const pairs = [
    ["model", state.model],
    ["layer", state.layer],
    ["channel", state.channel],
    ["colormap", state.colors],
  ];
  const file = `${state.layer}-${state.channel}.png`;
  return { path: "activations", file, fields: fields(pairs, { colormap: "viridis" }) };
}

/** One class's heat map, or two side by side. */
export function heatRequest(state, classes, names) {
  const pairs = [
    ["model", state.model],
    ["layer", state.explained],
    ...classes.map((index) => ["class", String(index)]),
    ["score", state.score],
    ["sign", state.sign],
    ["view", state.draw],
    ["colormap", state.draw === "mask" ? "" : state.heatcolors],
    ["alpha", state.draw === "overlay" ? state.alpha : ""],
  ];
  const file = `${names.join("-or-")}.png`;
  const colormap = state.draw === "heatmap" ? "viridis" : "jet";
  return { path: "gradcam", file, fields: fields(pairs, { colormap }) };
}

/** The request as a line for a shell. A sample comes from this server; the reader's own picture from where it lies. */
export function curl(request, picture) {
  // curl reads a leading @ or <, and a semicolon, as its own.
  const flag = (value) => (/^[@<]|;/.test(value) ? "--form-string" : "-F");
  const form = request.fields.map(([name, value]) => `${flag(value)} ${quoted(`${name}=${value}`)}`);
  const image = picture.sample ? "-F image=@-" : `-F ${quoted(`image=@${fileOfForm(picture.name)}`)}`;
  const sample = picture.sample ? `curl -s ${quoted(address(picture.path))} | ` : "";
  const file = quoted(safe(request.file));
  // Not the key itself: a command is shown to others.
  const key = hasKey() ? ['-H "x-api-key: $API_KEY"'] : [];
  return `${sample}curl ${[...key, image, ...form].join(" ")} ${quoted(address(request.path))} -o ${file}`;
}

function fileOfForm(name) {
  return /[;,"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
}

/** As a word of a POSIX shell. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** As the name of a file: labels and layers may have anything in them. */
export function safe(name) {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[.-]+/, "_");
}
