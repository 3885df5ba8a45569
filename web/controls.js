// How a heat map is made and drawn.

import { COLORMAPS } from "./colormap.js";
import { element, fillSelect } from "./dom.js";
import { change } from "./state.js";

/** Names of the state, with the words for each choice. */
const CHOICES = {
  sign: {
    title: "Show what spoke",
    options: [
      ["positive", "for it"],
      ["negative", "against it"],
    ],
  },
  draw: {
    title: "Draw",
    options: [
      ["overlay", "heat on picture"],
      ["heatmap", "heat alone"],
      ["mask", "picture in spotlight"],
    ],
  },
  score: {
    title: "Explain the",
    options: [
      ["probability", "probability"],
      ["logit", "raw score"],
    ],
  },
};

/** The column of controls. */
export function lookingControls() {
  const alpha = element("input", {
    type: "range",
    id: "alpha",
    min: "0",
    max: "1",
    step: "0.05",
    oninput: () => change({ alpha: alpha.value }, { replace: true }),
  });
  const select = (id, name) => {
    const made = element("select", { id, onchange: () => change({ [name]: made.value }) });
    return made;
  };
  const labelled = (id, text, control) =>
    element(
      "div",
      { class: "control", data: { control: id } },
      element("label", { for: id, textContent: text }),
      control,
    );
  return element(
    "form",
    { class: "side-controls", "aria-label": "How the heat map is made", onsubmit: (event) => event.preventDefault() },
    segments("sign"),
    segments("draw"),
    labelled("alpha", "Strength", alpha),
    labelled("heatcolors", "Colours", select("heatcolors", "heatcolors")),
    labelled("explained", "Layer", select("explained", "explained")),
    segments("score"),
  );
}

function segments(name) {
  const { title, options } = CHOICES[name];
  const radio = ([value, text]) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name, value, onchange: () => change({ [name]: value }) }),
      element("span", { textContent: text }),
    );
  return element(
    "fieldset",
    { class: "segments" },
    element("legend", { textContent: title }),
    element("div", {}, ...options.map(radio)),
  );
}

/** Shows the state in the controls. */
export function fillControls(controls, state, model) {
  for (const name of Object.keys(CHOICES)) controls.elements[name].value = state[name];
  controls.elements.alpha.value = state.alpha;
  controls.querySelector("[data-control=alpha]").hidden = state.draw !== "overlay";
  controls.querySelector("[data-control=heatcolors]").hidden = state.draw === "mask";
  fillSelect(controls.elements.heatcolors, COLORMAPS, state.heatcolors);
  const explainable = model.layers.filter((layer) => layer.explainable).map(({ name }) => name);
  const chosen = state.explained || model.gradcam;
  if (!explainable.includes(chosen)) explainable.push(chosen);
  fillSelect(controls.elements.explained, explainable, chosen);
}
