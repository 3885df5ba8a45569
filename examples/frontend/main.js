// @ts-check
// Asks a convscope server of another origin for the two likeliest classes of a picture, and for their heat maps.

import createClient from "openapi-fetch";

/** @typedef {import("./convscope.js").components["schemas"]} Schemas */

// This page uses the JSON format of the answers.
/** @type {import("openapi-fetch").Client<import("./convscope.js").paths, "application/json" | "application/problem+json">} */
const convscope = createClient({
  baseUrl: new URLSearchParams(location.search).get("server") ?? "http://localhost:8080",
  headers: { accept: "application/json" },
});

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const words = /** @type {HTMLElement} */ (document.getElementById("words"));
const maps = /** @type {HTMLElement} */ (document.getElementById("maps"));

/**
 * Shows the server's error message.
 * @param {{ detail: string } | undefined} problem
 */
function tell(problem) {
  words.textContent = problem?.detail ?? "The server gave no answer that can be read.";
}

async function listModels() {
  const { data, error } = await convscope.GET("/models");
  if (!data) return tell(error);
  const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem("model"));
  select.replaceChildren(...data.models.map(({ name }) => new Option(name, name, name === data.default)));
}

/**
 * Shows the heat map of one class. Each class is a request of its own, because a request for several classes
 * gives a single picture.
 * @param {FormData} given
 * @param {Schemas["Predictions"]["predictions"][number]} prediction
 */
async function show(given, prediction) {
  /** @type {Schemas["GradCamForm"]} */
  const fields = {
    image: given.get("image"),
    model: String(given.get("model")),
    class: [String(prediction.class)],
    alpha: 0.5,
  };
  const { data, error } = await convscope.POST("/gradcam", { body: formOf(fields) });
  if (!data) return tell(error);
  const [map] = data.maps;
  const picture = new Image();
  picture.src = `data:image/png;base64,${data.png}`;
  picture.alt = `Heat map for ${map.label ?? map.class}`;
  const caption = document.createElement("figcaption");
  const share = map.probability === null ? "" : `, ${(100 * map.probability).toFixed(1)} %`;
  caption.textContent = `${map.label ?? map.class}${share}${map.empty ? ": no heat" : ""}`;
  const figure = document.createElement("figure");
  figure.append(picture, caption);
  maps.append(figure);
}

/**
 * Makes a form of typed fields.
 * @param {Schemas["GradCamForm"] | Schemas["PredictForm"]} fields
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
 * Runs `work`, and shows an error if the server cannot be reached.
 * @param {() => Promise<void>} work
 */
async function reaching(work) {
  try {
    await work();
  } catch {
    words.textContent = "The server does not answer, or does not let this page ask (--cors-origins).";
  }
}

async function ask() {
  const given = new FormData(form);
  maps.replaceChildren();
  words.textContent = "The network looks …";
  /** @type {Schemas["PredictForm"]} */
  const fields = { image: given.get("image"), model: String(given.get("model")), top: 2 };
  const { data, error } = await convscope.POST("/predict", { body: formOf(fields) });
  if (!data) return tell(error);
  words.textContent = "";
  for (const prediction of data.predictions) await show(given, prediction);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  reaching(ask);
});
reaching(listModels);
