// What the page shows, as one flat object. It is also the address, so that Back works and a view can be shared. Only
// the bytes of the user's own pictures are missing there. Keys are the API's parameter names; where /activations and
// /explain both have a parameter, that of /explain begins with `explain_`. Further keys are parameters of methods.

import { upgradeAddress } from "./legacy-address.js";

const DEFAULTS = {
  model: "",
  picture: "",
  tab: "explain", // explain | activations
  all_layers: "", // "true": the layer list has every layer
  // POST /activations
  layer: "",
  channel: "",
  query: "", // of an attention: class, mean, or the row and column of a patch
  order: "index",
  normalize: "standard",
  colormap: "viridis",
  // POST /explain
  method: "gradcam", // several are separated by commas
  class: "",
  compare: "", // a second class, beside the first
  explain_layer: "",
  all_explained: "", // "true": the map at every layer
  // What is painted over the picture, see strokes.js, and what it is covered with.
  brush: "",
  brush_fill: "mean",
  score: "probability",
  sign: "positive",
  view: "overlay",
  explain_colormap: "inferno",
  alpha: "0.6",
  percentile: "", // the method's own
  scale: "own",
  colorbar: "", // "true": in the download
};

let state = { ...DEFAULTS };
const listeners = [];

/** The state. Change it by {@link change} only. */
export function current() {
  return state;
}

/** Calls `listener(state, changed)` after each change; `changed` is the set of keys whose value differs. */
export function onChange(listener) {
  listeners.push(listener);
}

/**
 * Sets some keys. Adds an entry to the browser's history, or with `replace` (a slider's drag) replaces the current one.
 */
export function change(patch, { replace = false } = {}) {
  const before = state;
  const changed = setState({ ...state, ...asStrings(patch) });
  if (changed.size === 0) return;
  const address = addressOf(state);
  if (address !== addressOf(before)) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  notify(changed);
}

/** Sets the state to what the address says: at the start and after Back. */
export function readAddress() {
  const given = upgradeAddress(new URLSearchParams(location.hash.slice(1)));
  const changed = setState({ ...DEFAULTS, ...Object.fromEntries(given) });
  if (changed.size > 0) notify(changed);
}

function asStrings(patch) {
  return Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, String(value ?? "")]));
}

function setState(next) {
  const keys = new Set([...Object.keys(state), ...Object.keys(next)]);
  const changed = new Set([...keys].filter((key) => (next[key] ?? "") !== (state[key] ?? "")));
  state = next;
  return changed;
}

function notify(changed) {
  for (const listener of listeners) listener(state, changed);
}

function addressOf(state) {
  const keys = Object.keys(state).filter((key) => state[key] !== (DEFAULTS[key] ?? ""));
  const query = new URLSearchParams(keys.map((key) => [key, state[key]])).toString();
  return query === "" ? location.pathname : `#${query}`;
}
