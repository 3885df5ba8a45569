// The methods of explanation, as the server describes them for a model and a layer.

import { requestJson } from "./api.js";

/** The titles of the families, in the order of the menu. */
export const FAMILIES = {
  cam: "Class activation maps",
  gradient: "Gradients at the pixels",
  rules: "Other backward rules",
  perturbation: "Altered pictures",
  attention: "Attention",
};

/** The server's default. */
const DEFAULT_METHOD = "gradcam";
/** A method of more passes reports its progress. */
const SHORT = 4;

let loaded = { key: "", methods: [] };

/**
 * The methods with their costs at `layer`; "" is the model's default. A layer that the server does not know has the
 * costs of the default: the map's own request says what is wrong.
 */
export async function loadMethods(model, layer, signal) {
  const key = JSON.stringify([model, layer]);
  if (loaded.key === key) return loaded.methods;
  const query = (pairs) => `methods?${new URLSearchParams(pairs)}`;
  const ofModel = () => requestJson(query({ model }), { signal });
  const ofLayer = () => requestJson(query({ model, layer }), { signal });
  const methods = await (layer === "" ? ofModel() : ofLayer().catch(unlessAborted(ofModel)));
  loaded = { key, methods };
  return methods;
}

function unlessAborted(retry) {
  return (error) => {
    if (error.name === "AbortError") throw error;
    return retry();
  };
}

/** The method with this name. An unknown name is passed on to the server, whose error lists the known ones. */
export function methodOf(methods, name) {
  const unknown = { name, title: name, paper: "", resolution: "layer", reads_layer: true, range: "positive" };
  const rest = { percentile: 100, class_sensitive: true, parameters: [], passes: 1 };
  return methods.find((method) => method.name === name) ?? { ...unknown, ...rest };
}

/** The methods that the state names, each once. */
export function chosenMethods(methods, { method }) {
  const names = [...new Set(method.split(",").filter((name) => name !== ""))];
  return (names.length > 0 ? names : [DEFAULT_METHOD]).map((name) => methodOf(methods, name));
}

/** Whether the method takes so many passes that its progress is shown. */
export function isLong({ passes }) {
  return passes > SHORT;
}

/** The number of passes as text. */
export function formatPasses(passes) {
  if (passes === 0) return "no further pass";
  return passes === 1 ? "1 pass" : `${passes} passes`;
}

/** The cost of a method in the menu. */
export function formatCost({ passes, exceeds_max_passes: isOver }) {
  return isOver ? `${formatPasses(passes)}, more than allowed` : formatPasses(passes);
}

/** The parameters of all these methods, each name once. */
export function parametersOf(methods) {
  const all = methods.flatMap(({ parameters }) => parameters);
  return [...new Map(all.toReversed().map((parameter) => [parameter.name, parameter])).values()].toReversed();
}

/** The pairs of name and value for the method's own parameters that differ from their defaults. */
export function parameterFields({ parameters }, state) {
  return parameters.map(({ name }) => [name, state[name] ?? ""]).filter(([, value]) => value !== "");
}
