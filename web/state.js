// What is on screen, as one object; all of it but the picture is in the address, so that Back works and a view can be
// shared.

const DEFAULTS = {
  model: "",
  picture: "",
  view: "heat", // heat | layers
  // layers
  layer: "",
  channel: "",
  order: "index",
  normalize: "standard",
  colors: "viridis",
  all: "",
  // heat
  class: "",
  versus: "",
  explained: "",
  score: "probability",
  sign: "positive",
  draw: "overlay",
  heatcolors: "inferno",
  alpha: "0.6",
};

let state = { ...DEFAULTS };
const listeners = [];

/** The state; never to be changed by hand. */
export function current() {
  return state;
}

/** Calls `listener(state, changed)` after each change; `changed` is the set of names that did. */
export function onChange(listener) {
  listeners.push(listener);
}

/**
 * Changes some entries. A step that the reader would call one makes an entry in the history; `replace` is for what
 * happens while dragging and for what the page fills in by itself.
 */
export function change(patch, { replace = false } = {}) {
  const before = state;
  const changed = adopt({ ...state, ...textual(patch) });
  if (changed.size === 0) return;
  const address = addressOf(state);
  if (address !== addressOf(before)) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  notify(changed);
}

/** Reads the address, at the start and after Back. */
export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const known = Object.keys(DEFAULTS).filter((name) => given.has(name));
  const changed = adopt({ ...DEFAULTS, ...Object.fromEntries(known.map((name) => [name, given.get(name)])) });
  if (changed.size > 0) notify(changed);
}

function textual(patch) {
  return Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, String(value ?? "")]));
}

function adopt(next) {
  const changed = new Set(Object.keys(DEFAULTS).filter((name) => next[name] !== state[name]));
  state = next;
  return changed;
}

function notify(changed) {
  for (const listener of listeners) listener(state, changed);
}

function addressOf(of) {
  const told = Object.keys(DEFAULTS).filter((name) => of[name] !== DEFAULTS[name]);
  const query = new URLSearchParams(told.map((name) => [name, of[name]])).toString();
  return query === "" ? location.pathname : `#${query}`;
}
