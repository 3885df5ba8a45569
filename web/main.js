// Puts the parts together: state → requests → what is on screen. Nothing is shown that was asked for an earlier state.

import { askJson } from "./api.js";
import { labelOf, markClasses, setUpOtherClass, showClasses, showWaiting } from "./classes.js";
import { loadColormaps } from "./colormap.js";
import { announce, byId, fillSelect, grouped } from "./dom.js";
import { layersRequest, setUpLayers, showLayers } from "./layers.js";
import { classesShown, redraw, setUpLooking, showLooking } from "./looking.js";
import { FIRST, pictureOf, pixelsOf, setUpPicture, showPicture, showWindow } from "./picture.js";
import { heatRequest } from "./requests.js";
import { change, current, onChange, readAddress } from "./state.js";
import { chosenLayer, fillStrip, markStrip, showStrip } from "./strip.js";
import { setUpTabs, showTab } from "./tabs.js";
import { setUpTake, showTake } from "./take.js";
import { hideTrouble, setUpKey, showTrouble } from "./trouble.js";

/** Classes in the list. */
const TOP = 6;
/** What only paints anew. */
const PAINTED = ["alpha", "draw", "heatcolors"];

/** What the server has told for the state. */
const told = { names: null, fallback: "", model: null, picture: null, predictions: null };

let looking = new AbortController();
let staging = new AbortController();

function modelName() {
  return current().model || told.fallback;
}

/** The model, the picture and the first look of the one at the other; then all that depends on it. */
async function look() {
  looking.abort();
  staging.abort();
  looking = new AbortController();
  const { signal } = looking;
  told.predictions = null;
  byId("take").hidden = true;
  hideTrouble();
  try {
    await loadModels(signal);
    if (told.model?.name !== modelName()) await loadModel(signal);
    const id = current().picture || FIRST;
    if (told.picture?.id !== id) told.picture = await pictureOf(id, signal);
    showPicture(told.picture);
    if (!told.picture) return showNothing();
    await predict(signal);
    await stage();
    const shown = await pixelsOf(told.picture, told.model, signal);
    if (shown.blob !== told.picture.blob) showPicture(told.picture);
    showWindow(told.model.input, shown);
    await fillStrip(told.picture, told.model, signal);
  } catch (error) {
    showTrouble(error, look);
  } finally {
    if (looking.signal === signal) byId("sending").hidden = true;
  }
}

/** Without a picture there is nothing to say. */
function showNothing() {
  showWaiting(0);
  for (const panel of ["heat", "layers"]) byId(panel).hidden = true;
}

async function loadModels(signal) {
  if (told.names) return;
  const { models, default: fallback } = await askJson("models", { signal });
  told.names = models.map(({ name }) => name);
  told.fallback = fallback ?? told.names[0];
}

async function loadModel(signal) {
  const name = modelName();
  fillSelect(byId("model"), told.names.includes(name) ? told.names : [name, ...told.names], name);
  told.model = await askJson(`models/${encodeURIComponent(name)}`, { signal });
  showStrip(told.model);
  const { input, output, parameters } = told.model;
  const [height, width] = input.size;
  byId("model-facts").textContent =
    `${name}: ${grouped(parameters)} weights, ${output.classes} classes, looks at ${height} × ${width} pixels${input.crop === "center" ? ", of the middle of the picture: the dashed frame" : ""}.`;
}

async function predict(signal) {
  const { model, picture } = told;
  showWaiting(Math.min(model.output.classes, TOP));
  showStrip(model);
  const fields = [
    ["model", model.name],
    ["top", String(Math.min(model.output.classes, TOP))],
  ];
  const progress = showProgress(signal);
  const answer = await askJson("predict", { image: picture, fields, signal, progress });
  byId("sending").hidden = true;
  told.predictions = answer.predictions;
  showClasses(told.predictions, model);
  const [first] = told.predictions;
  announce(`The network says ${labelOf(model, first.class)}.`);
}

/** What is being waited for, once the wait can be felt. */
function showProgress(signal) {
  const box = byId("sending");
  const [bar, words] = box.children;
  const timer = setTimeout(() => {
    box.hidden = signal.aborted || told.predictions !== null;
  }, 250);
  signal.addEventListener("abort", () => clearTimeout(timer));
  words.textContent = "Sending …";
  return (share) => {
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    words.textContent = share === null ? "The network looks …" : `Sending, ${Math.round(share * 100)} %`;
  };
}

/** The result: heat map or layers, as the state asks. */
async function stage() {
  staging.abort();
  staging = new AbortController();
  const { signal } = staging;
  const { model, picture, predictions } = told;
  showTab(current().view);
  if (!model || !picture || !predictions) return;
  hideTrouble();
  markClasses(predictions);
  markStrip(model);
  const state = filled();
  try {
    if (state.view === "layers") await showLayers({ state, model, picture, signal });
    else await showLooking({ state, model, picture, predictions, signal });
    if (!signal.aborted) showTake(request(), told.picture);
  } catch (error) {
    byId("heat").setAttribute("aria-busy", "false");
    byId("layers").setAttribute("aria-busy", "false");
    showTrouble(error, stage);
  }
}

/** The state with what it leaves to the server's defaults. */
function filled() {
  return { ...current(), model: told.model.name, layer: chosenLayer(told.model) };
}

/** What is on screen as a request; the model is named only where it is not the server's own choice. */
function request() {
  const state = { ...filled(), model: current().model === told.fallback ? "" : current().model };
  if (state.view === "layers") return layersRequest(state);
  const classes = classesShown(state, told.predictions);
  return heatRequest(
    state,
    classes,
    classes.map((index) => labelOf(told.model, index)),
  );
}

/** A new picture keeps the layer and the way of drawing, and forgets the classes of the old one. */
function choose(id) {
  change({ picture: id, class: "", versus: "" });
}

readAddress();
onChange((state, changed) => {
  const isPainted = [...changed].every((name) => PAINTED.includes(name));
  if (changed.has("model") || changed.has("picture")) return look();
  if (isPainted && state.view === "heat" && !byId("take").hidden) {
    redraw(state, told.model);
    return showTake(request(), told.picture);
  }
  if (changed.has("all") && told.model) {
    showStrip(told.model);
    fillStrip(told.picture, told.model, looking.signal).catch((error) => showTrouble(error, look));
  }
  return stage();
});

setUpTabs((view) => change({ view }));
setUpPicture(choose);
setUpLooking();
setUpLayers();
setUpOtherClass(() => told.model);
byId("model").addEventListener("change", (event) => {
  change({ model: event.target.value, layer: "", channel: "", class: "", versus: "", explained: "", all: "" });
});
byId("all-layers")
  .querySelector("input")
  .addEventListener("change", (event) => change({ all: event.target.checked ? "yes" : "" }));
setUpKey(look);
setUpTake(() => ({ request: request(), picture: told.picture }));
window.addEventListener("popstate", readAddress);
window.addEventListener("resize", () => {
  if (told.picture?.shown) showWindow(told.model.input, told.picture.shown);
  if (!byId("take").hidden) showTake(request(), told.picture);
});

byId("skip").addEventListener("click", () => byId("stage").focus());

await loadColormaps();
await look();
