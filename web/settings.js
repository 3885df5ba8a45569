// The settings of a heat map.

import { heatColormap, heatColormaps } from "./colormap.js";
import { element, fillSelect } from "./dom.js";
import { createMethodMenu, fillMethodMenu } from "./method-menu.js";
import { chosenMethods } from "./methods.js";
import { createParameters, fillParameters } from "./parameters.js";
import { change } from "./state.js";

/** Keys of the state with few values, shown as segmented controls. */
const SEGMENTED = {
  sign: {
    title: "Evidence",
    options: [
      ["positive", "for"],
      ["negative", "against"],
      ["both", "both"],
    ],
  },
  view: {
    title: "View",
    options: [
      ["overlay", "overlay"],
      ["heatmap", "heat map"],
      ["mask", "mask"],
      ["cells", "cells"],
    ],
  },
  scale: {
    title: "Scale",
    options: [
      ["own", "each map"],
      ["shared", "all maps"],
    ],
  },
  score: {
    title: "Score",
    options: [
      ["probability", "probability"],
      ["logit", "logit"],
    ],
  },
};

/** The form with all settings. Each control has the key of the state as its name or id. */
export function createSettings() {
  const alpha = element("input", {
    type: "range",
    id: "alpha",
    min: "0",
    max: "1",
    step: "0.05",
    oninput: () => change({ alpha: alpha.value }, { replace: true }),
  });
  const percentile = element("input", {
    type: "number",
    id: "percentile",
    min: "0",
    max: "100",
    step: "any",
    onchange: () => percentile.reportValidity() && change({ percentile: percentile.value }),
  });
  const colorbar = element("input", {
    type: "checkbox",
    id: "colorbar",
    onchange: () => change({ colorbar: colorbar.checked ? "true" : "" }),
  });
  return element(
    "form",
    { class: "settings", "aria-label": "Heat map settings", onsubmit: (event) => event.preventDefault() },
    createMethodMenu(),
    createParameters(),
    segmented("sign"),
    segmented("view"),
    labelled("alpha", "Alpha", alpha),
    labelled("explain_colormap", "Colormap", select("explain_colormap")),
    labelled("explain_layer", "Layer", select("explain_layer")),
    segmented("score"),
    segmented("scale"),
    labelled("percentile", "Clip beyond percentile", percentile),
    element(
      "div",
      { class: "control switch", data: { control: "colorbar" } },
      colorbar,
      element("label", { for: "colorbar", textContent: "colour bars in the download" }),
    ),
  );
}

function select(key) {
  const node = element("select", { id: key, onchange: () => change({ [key]: node.value }) });
  return node;
}

function labelled(key, text, ...controls) {
  const label = element("label", { for: key, textContent: text });
  return element("div", { class: "control", data: { control: key } }, label, ...controls);
}

function segmented(key) {
  const { title, options } = SEGMENTED[key];
  const radio = ([value, text]) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: key, value, onchange: () => change({ [key]: value }) }),
      element("span", { textContent: text }),
    );
  return element(
    "fieldset",
    { class: "segmented", data: { control: key } },
    element("legend", { textContent: title }),
    element("div", {}, ...options.map(radio)),
  );
}

/** Shows the state in the controls, and hides those without effect. */
export function fillSettings(settings, { state, model, methods }) {
  const hide = (key, isHidden) => {
    settings.querySelector(`[data-control=${key}]`).hidden = isHidden;
  };
  for (const key of Object.keys(SEGMENTED)) settings.elements[key].value = state[key];
  settings.elements.alpha.value = state.alpha;
  hide("alpha", state.view !== "overlay");
  hide("explain_colormap", state.view === "mask");
  hide("colorbar", state.view === "mask");
  settings.elements.colorbar.checked = state.colorbar === "true";
  fillSelect(settings.elements.explain_colormap, heatColormaps(state), heatColormap(state));
  const chosen = chosenMethods(methods, state);
  fillMethodMenu(settings, methods, chosen);
  const percentiles = [...new Set(chosen.map(({ percentile }) => percentile))];
  settings.elements.percentile.value = state.percentile;
  settings.elements.percentile.placeholder = percentiles.length === 1 ? String(percentiles[0]) : "by the method";
  hide("scale", chosen.length === 1 && state.compare === "");
  fillParameters(settings, chosen, state, model);
  hide("explain_layer", !chosen.some((method) => method.reads_layer));
  const explainable = model.layers.filter((layer) => layer.explainable).map(({ name }) => name);
  const selected = state.explain_layer || model.gradcam;
  if (!explainable.includes(selected)) explainable.push(selected);
  fillSelect(settings.elements.explain_layer, explainable, selected);
}
