// The own parameters of the chosen methods, as controls with the ranges and defaults of GET /methods.

import { element, fillSelect } from "./dom.js";
import { asSentence } from "./errors.js";
import { parametersOf } from "./methods.js";
import { labelOf } from "./predictions.js";
import { change } from "./state.js";

/** A model with more classes has a field for their labels instead of a list. */
const MAX_LISTED_CLASSES = 50;

const parts = { key: "" };

/** The empty group of controls. */
export function createParameters() {
  parts.controls = element("div", { class: "parameter-list" });
  parts.reset = element("button", {
    type: "button",
    class: "link",
    textContent: "Reset to defaults",
    onclick: () => change(Object.fromEntries(parts.names.map((name) => [name, ""]))),
  });
  parts.group = element(
    "fieldset",
    { class: "parameters", hidden: true },
    element("legend", { textContent: "Parameters" }),
    parts.controls,
    parts.reset,
  );
  return parts.group;
}

/** Shows the controls of these methods, with the values of the state. */
export function fillParameters(settings, methods, state, model) {
  const parameters = parametersOf(methods);
  const key = JSON.stringify([model.name, parameters]);
  // The same controls stay, so that the focus does.
  if (parts.key !== key) {
    parts.key = key;
    parts.names = parameters.map(({ name }) => name);
    parts.controls.replaceChildren(...parameters.map((parameter) => control(parameter, methods, model)));
  }
  parts.group.hidden = parameters.length === 0;
  parts.reset.hidden = parts.names.every((name) => (state[name] ?? "") === "");
  for (const { name, type, default: standard } of parameters) {
    const field = settings.elements[`parameter-${name}`];
    const value = state[name] ?? "";
    if (type === "switch") field.checked = value === "true";
    else field.value = value === "" && type === "word" ? standard : value;
  }
}

function control(parameter, methods, model) {
  const { name, type, help } = parameter;
  const id = `parameter-${name}`;
  const users = methods.filter(({ parameters }) => parameters.some((other) => other.name === name));
  // With several methods it is not obvious which of them have a parameter.
  const of = users.length < methods.length ? `${users.map(({ title }) => title).join(", ")}: ` : "";
  const field = fieldOf(parameter, id, model);
  const hint = element("p", { class: "hint", id: `${id}-help`, textContent: asSentence(`${of}${help}`) });
  const label = element("label", { for: id, textContent: name.replaceAll("_", " ") });
  const order = type === "switch" ? [field, label] : [label, field];
  return element(
    "div",
    { class: type === "switch" ? "control switch" : "control", data: { parameter: name } },
    ...order,
    hint,
  );
}

/** The field of a parameter. An empty value stands for the default. */
function fieldOf({ name, type, words, minimum, maximum, default: standard }, id, model) {
  const shared = { id, name: id, "aria-describedby": `${id}-help` };
  if (type === "switch") {
    const field = element("input", { ...shared, type: "checkbox" });
    field.addEventListener("change", () => change({ [name]: field.checked ? "true" : "" }));
    return field;
  }
  if (type === "word") {
    const field = element("select", shared);
    fillSelect(field, words, standard);
    field.addEventListener("change", () => change({ [name]: field.value === standard ? "" : field.value }));
    return field;
  }
  if (type === "class") return classField(name, shared, model);
  const field = element("input", {
    ...shared,
    type: "number",
    min: minimum,
    max: maximum,
    step: type === "integer" ? 1 : "any",
    placeholder: standard === undefined ? "by the model" : String(standard),
  });
  field.addEventListener("change", () => {
    if (field.reportValidity()) change({ [name]: field.value === String(standard) ? "" : field.value });
  });
  return field;
}

function classField(name, shared, model) {
  const { classes } = model.output;
  const field =
    classes <= MAX_LISTED_CLASSES ? element("select", shared) : element("input", { ...shared, list: "class-names" });
  if (classes <= MAX_LISTED_CLASSES) {
    const options = Array.from({ length: classes }, (_, index) => [index, labelOf(model, index)]);
    fillSelect(field, [["", "none"], ...options], "");
  } else field.placeholder = "label or index";
  field.addEventListener("change", () => change({ [name]: field.value }));
  return field;
}
