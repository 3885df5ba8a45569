// The methods of explanation that the server offers.

import { requestJson } from "./api.js";

/** All that a server without GET /methods offers. */
const GRADCAM = {
  name: "gradcam",
  title: "Grad-CAM",
  paper: "https://arxiv.org/abs/1610.02391",
  resolution: "layer",
  range: "positive",
  percentile: 100,
  class_sensitive: true,
  path: "gradcam",
};

/** The methods as GET /methods describes them; `path` is the route that computes their maps. */
export async function loadMethods(signal) {
  try {
    const methods = await requestJson("methods", { signal });
    return methods.map((method) => ({ ...method, path: "explain" }));
  } catch (error) {
    if (error.status !== 404) throw error;
    return [GRADCAM];
  }
}

/** The method with this name. An unknown name is passed on to the server, whose error lists the known ones. */
export function methodOf(methods, name) {
  return (
    methods.find((method) => method.name === name) ?? { ...GRADCAM, name, title: name, paper: "", path: "explain" }
  );
}
