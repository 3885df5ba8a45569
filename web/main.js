// Starts the page, and updates it when the state changes. An update aborts the previous one, so that no result of an
// earlier state appears.

import { activationsRequest, resizeGrid, setUpActivations, showActivations } from "./activations.js";
import { requestJson } from "./api.js";
import { resizeBrush, setUpBrush, updateBrush } from "./brush.js";
import { loadColormaps } from "./colormap.js";
import { showCrop } from "./crop.js";
import { announce, byId, fillSelect, formatCount } from "./dom.js";
import { hideError, setUpApiKey, showError } from "./errors.js";
import { redrawExplanation, setUpExplain, showExplanation, shownClasses } from "./explain.js";
import { setUpExport, showCommand } from "./export.js";
import { loadThumbnails, markLayer, selectedLayer, showLayerList } from "./layer-list.js";
import { chosenMethods, loadMethods } from "./methods.js";
import { DEFAULT_PICTURE, decodePicture, loadPicture, setUpPicture, showPicture } from "./picture.js";
import { labelOf, markClasses, setUpOtherClass, showPlaceholders, showPredictions } from "./predictions.js";
import { createProgress } from "./progress.js";
import { explainRequest } from "./requests.js";
import { change, current, onChange, readAddress } from "./state.js";
import { setUpTabs, showTab } from "./tabs.js";

/** Classes in the list. */
const TOP = 6;
/** Keys of the state whose change needs no request. */
const DRAWING_KEYS = ["alpha", "view", "explain_colormap", "percentile", "scale", "colorbar"];

/** The server's answers for the present state. */
const loaded = { models: null, defaultModel: "", methods: [], model: null, picture: null, predictions: null };

let pageAbort = new AbortController();
let resultAbort = new AbortController();

function modelName() {
  return current().model || loaded.defaultModel;
}

/** Loads the model and the picture, predicts, and updates everything that depends on them. */
async function updatePage() {
  pageAbort.abort();
  resultAbort.abort();
  pageAbort = new AbortController();
  const { signal } = pageAbort;
  loaded.predictions = null;
  byId("export").hidden = true;
  updateBrush(null);
  hideError();
  try {
    await loadModels(signal);
    if (loaded.model?.name !== modelName()) await loadModel(signal);
    const id = current().picture || DEFAULT_PICTURE;
    if (loaded.picture?.id !== id) loaded.picture = await loadPicture(id, signal);
    showPicture(loaded.picture);
    if (!loaded.picture) return showNoResult();
    await predict(signal);
    const decoded = await decodePicture(loaded.picture, loaded.model, signal);
    if (decoded.blob !== loaded.picture.blob) showPicture(loaded.picture);
    showCrop(loaded.model.input, decoded);
    updateBrush({ ...loaded, decoded, signal });
    // A map of many passes is waited for only until its progress is on screen.
    await new Promise((resolve) => updateResult(resolve).finally(resolve));
    if (signal.aborted) return;
    await loadThumbnails(loaded.picture, loaded.model, signal);
  } catch (error) {
    showError(error, updatePage);
  } finally {
    if (pageAbort.signal === signal) byId("progress").hidden = true;
  }
}

function showNoResult() {
  showPlaceholders(0);
  for (const panel of ["explain", "activations"]) byId(panel).hidden = true;
}

async function loadModels(signal) {
  if (loaded.models) return;
  const answer = await requestJson("models", { signal });
  loaded.models = answer.models.map(({ name }) => name);
  loaded.defaultModel = answer.default ?? loaded.models[0];
}

async function loadModel(signal) {
  const name = modelName();
  const names = loaded.models.includes(name) ? loaded.models : [name, ...loaded.models];
  fillSelect(byId("model"), names, name);
  loaded.model = await requestJson(`models/${encodeURIComponent(name)}`, { signal });
  showLayerList(loaded.model);
  const { input, output, parameters } = loaded.model;
  const crop = input.crop === "center" ? ", centre crop (dashed frame)" : "";
  byId("model-summary").textContent =
    `${name}: ${formatCount(parameters)} parameters, ${output.classes} classes, ` +
    `input ${input.size.join(" × ")} pixels${crop}.`;
  showAssumed(loaded.model.assumed);
}

/** Names the values of the preprocessing that nothing states. */
function showAssumed(assumed) {
  const values = assumed.filter(({ key }) => key.startsWith("input."));
  const note = byId("assumed");
  note.hidden = values.length === 0;
  note.textContent =
    "The preprocessing is assumed: " +
    values.map(({ key, value }) => `${key.replace("input.", "")} ${value}`).join(", ") +
    ". If predictions look wrong, write a preset on the model card.";
}

async function predict(signal) {
  const { model, picture } = loaded;
  const top = Math.min(model.output.classes, TOP);
  showPlaceholders(top);
  showLayerList(model);
  const fields = [
    ["model", model.name],
    ["top", String(top)],
  ];
  const progress = createProgress(signal, () => loaded.predictions !== null);
  const answer = await requestJson("predict", { image: picture, fields, signal, progress });
  byId("progress").hidden = true;
  loaded.predictions = answer.predictions;
  showPredictions(loaded.predictions, model);
  announce(`Prediction: ${labelOf(model, loaded.predictions[0].class)}.`);
}

/** Shows the selected tab. `onShown` is called when its view is on screen, perhaps without all maps. */
async function updateResult(onShown = () => {}) {
  resultAbort.abort();
  resultAbort = new AbortController();
  const { signal } = resultAbort;
  const { model, picture, predictions } = loaded;
  showTab(current().tab);
  if (!model || !picture || !predictions) return;
  hideError();
  markClasses(predictions);
  markLayer(model);
  const state = resolvedState();
  try {
    if (state.tab === "activations") await showActivations({ state, model, picture, signal });
    else {
      byId("explain").setAttribute("aria-busy", "true");
      const methods = await loadMethods(state.model, state.explain_layer, signal);
      if (signal.aborted) return;
      loaded.methods = methods;
      await showExplanation({ state, model, methods, picture, predictions, signal }, () => {
        showCommand(currentRequest(), picture);
        onShown();
      });
    }
    if (!signal.aborted) showCommand(currentRequest(), picture);
  } catch (error) {
    byId("explain").setAttribute("aria-busy", "false");
    byId("activations").setAttribute("aria-busy", "false");
    showError(error, () => updateResult());
  }
}

/** The state with the names of the model and the layer that it leaves to the defaults. */
function resolvedState() {
  return { ...current(), model: loaded.model.name, layer: selectedLayer(loaded.model) };
}

/** The view as a request. It names the model only if that is not the server's default. */
function currentRequest() {
  const model = current().model === loaded.defaultModel ? "" : current().model;
  const state = { ...resolvedState(), model };
  if (state.tab === "activations") return activationsRequest(state);
  const classes = shownClasses(state, loaded.predictions);
  const labels = classes.map((index) => labelOf(loaded.model, index));
  return explainRequest(state, chosenMethods(loaded.methods, state), classes, labels);
}

readAddress();
onChange((state, changed) => {
  if (changed.has("model") || changed.has("picture")) return updatePage();
  if (changed.has("brush") || changed.has("brush_fill")) {
    if (loaded.picture?.decoded && loaded.predictions)
      updateBrush({ ...loaded, decoded: loaded.picture.decoded, signal: pageAbort.signal });
    if ([...changed].every((key) => key.startsWith("brush"))) return;
  }
  const isDrawing = [...changed].every((key) => DRAWING_KEYS.includes(key));
  if (isDrawing && state.tab === "explain" && !byId("export").hidden) {
    redrawExplanation({ ...loaded, state });
    return showCommand(currentRequest(), loaded.picture);
  }
  if (changed.has("all_layers") && loaded.model) {
    showLayerList(loaded.model);
    const thumbnails = loadThumbnails(loaded.picture, loaded.model, pageAbort.signal);
    thumbnails.catch((error) => showError(error, updatePage));
  }
  return updateResult();
});

setUpTabs((tab) => change({ tab }));
// A new picture keeps the layer and the settings; the classes belong to the old picture.
const addPicture = setUpPicture((id) => change({ picture: id, class: "", compare: "", brush: "" }));
setUpBrush(addPicture);
setUpExplain();
setUpActivations();
setUpOtherClass(() => loaded.model);
byId("model").addEventListener("change", (event) => {
  const model = event.target.value;
  change({ model, layer: "", channel: "", class: "", compare: "", explain_layer: "", all_layers: "", query: "" });
});
byId("all-layers")
  .querySelector("input")
  .addEventListener("change", (event) => change({ all_layers: event.target.checked ? "true" : "" }));
setUpApiKey(updatePage);
setUpExport(() => ({ request: currentRequest(), picture: loaded.picture }));
window.addEventListener("popstate", readAddress);
window.addEventListener("resize", () => {
  if (loaded.picture?.decoded) showCrop(loaded.model.input, loaded.picture.decoded);
  resizeBrush();
  if (byId("export").hidden) return;
  if (current().tab === "activations") resizeGrid();
  showCommand(currentRequest(), loaded.picture);
});
byId("skip").addEventListener("click", () => byId("result").focus());

await loadColormaps();
await updatePage();
