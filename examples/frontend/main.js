// @ts-check
// Asks a convscope server of another origin for the two most probable classes of a picture, and for
// their heat maps.

import createClient from "openapi-fetch";

/** @typedef {import("./convscope.js").components["schemas"]} Schemas */

// This page uses the JSON format of the answers.
/**
 * @type {import("openapi-fetch").Client<import("./convscope.js").paths, "application/json" |
 * "application/problem+json">}
 */
const convscope = createClient({
  baseUrl: new URLSearchParams(location.search).get("server") ?? "http://localhost:8080",
  headers: { accept: "application/json" },
});

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const message = /** @type {HTMLElement} */ (document.getElementById("message"));
const maps = /** @type {HTMLElement} */ (document.getElementById("maps"));

/**
 * Shows the text of an error.
 * @param {{ detail: string } | undefined} problem
 */
function showError(problem) {
  message.textContent = problem?.detail ?? "The server's answer cannot be read.";
}

async function listModels() {
  const { data, error } = await convscope.GET("/models");
  if (!data) return showError(error);
  const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem("model"));
  select.replaceChildren(...data.models.map(({ name }) => new Option(name, name, name === data.default)));
}

/**
 * Shows the heat map of one class. Each class has a request of its own, because the answer to a
 * request with several classes has all maps in one PNG.
 * @param {FormData} input
 * @param {Schemas["Predictions"]["predictions"][number]} prediction
 */
async function showHeatMap(input, prediction) {
  /** @type {Schemas["GradCamForm"]} */
  const fields = {
    image: file(input),
    model: String(input.get("model")),
    class: [String(prediction.class)],
    alpha: 0.5,
  };
  const { data, error } = await convscope.POST("/gradcam", { body: fields, bodySerializer: formOf });
  if (!data) return showError(error);
  const [map] = data.maps;
  const name = map.label ?? map.class;
  const image = new Image();
  image.src = `data:image/png;base64,${data.png}`;
  image.alt = `Heat map for ${name}`;
  const caption = document.createElement("figcaption");
  const probability = map.probability === null ? "" : `, ${(100 * map.probability).toFixed(1)} %`;
  caption.textContent = `${name}${probability}${map.empty ? ": no heat" : ""}`;
  const figure = document.createElement("figure");
  figure.append(image, caption);
  maps.append(figure);
}

/**
 * The chosen file. The generated types say string of every file.
 * @param {FormData} input
 * @returns {any}
 */
function file(input) {
  return input.get("image");
}

/**
 * Makes a form of typed fields.
 * @param {object | string} fields
 */
function formOf(fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value])
      body.append(name, one instanceof Blob ? one : String(one));
  }
  return body;
}

/**
 * Runs `action` and shows a message if the server cannot be reached.
 * @param {() => Promise<void>} action
 */
async function run(action) {
  try {
    await action();
  } catch {
    message.textContent = "The server does not respond, or does not allow this origin (--cors-origins).";
  }
}

async function explain() {
  const input = new FormData(form);
  maps.replaceChildren();
  message.textContent = "Computing …";
  /** @type {Schemas["PredictForm"]} */
  const fields = { image: file(input), model: String(input.get("model")), top: 2 };
  const { data, error } = await convscope.POST("/predict", { body: fields, bodySerializer: formOf });
  if (!data) return showError(error);
  message.textContent = "";
  for (const prediction of data.predictions) await showHeatMap(input, prediction);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(explain);
});
run(listModels);
