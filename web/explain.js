// The Explanation tab: the heat map of one class over the picture, or those of two classes side by side.

import { colorBar, colormapOf, heatColormap } from "./colormap.js";
import { cropOf } from "./crop.js";
import { showCrosshair, trackPosition } from "./crosshair.js";
import { announce, byId, element, formatNumber, formatPercent } from "./dom.js";
import { boundsOf, cellsSize, drawCells, drawHeatmap, locationOfMaximum, resizeHeat } from "./heatmap.js";
import { loadMap } from "./maps.js";
import { methodOf } from "./methods.js";
import { decodePicture } from "./picture.js";
import { explainedClass, labelOf } from "./predictions.js";
import { createSettings, fillSettings } from "./settings.js";
import { change, current } from "./state.js";

/** Steps of an arrow key across the picture, in both directions. */
const STEPS = 40;

const parts = {};
/** The figures on screen, kept so that they can be drawn again without a request. */
let figures = [];

/** Builds the panel once. */
export function setUpExplain() {
  parts.maps = element("div", { class: "maps" });
  parts.bar = element("div");
  parts.settings = createSettings();
  const plots = element("div", { class: "plots" }, parts.maps, parts.bar);
  byId("explain").replaceChildren(element("div", { class: "explanation" }, plots, parts.settings));
}

/** The classes on screen: the explained one, and the one that it is compared with. */
export function shownClasses(state, predictions) {
  const explained = explainedClass(predictions);
  const compared = state.compare === "" ? [] : [Number(state.compare)];
  return [explained, ...compared.filter((index) => index !== explained)];
}

/** Shows what the state says. `view` is `{ state, model, methods, picture, predictions, signal }`. */
export async function showExplanation(view) {
  const { state, model, picture, predictions, signal } = view;
  const context = { ...view, method: methodOf(view.methods, state.method) };
  fillSettings(parts.settings, view);
  byId("explain").setAttribute("aria-busy", "true");
  const [decoded, ...maps] = await Promise.all([
    decodePicture(picture, model, signal),
    ...shownClasses(state, predictions).map((index) => loadMap(context, index)),
  ]);
  if (signal.aborted) return;
  byId("explain").setAttribute("aria-busy", "false");
  figures = maps.map((map) => createFigure(map, decoded, context));
  parts.maps.classList.toggle("side-by-side", figures.length > 1);
  parts.maps.replaceChildren(...figures.map(({ node }) => node));
  draw(state);
  announce(figures.map(({ description }) => description).join(" "));
}

/** Shows a change of alpha, colour map or view, which need no request. */
export function redrawExplanation(view) {
  fillSettings(parts.settings, view);
  draw(view.state);
}

function draw(state) {
  const isSigned = state.sign === "both";
  const colormap = colormapOf(heatColormap(state));
  const options = { view: state.view, colormap, alpha: Number(state.alpha), isSigned };
  for (const { canvas, plot, map, pixels, heat } of figures) {
    const isCells = state.view === "cells";
    const { height, width } = isCells ? cellsSize(map) : pixels;
    Object.assign(canvas, { height, width });
    plot.style.setProperty("--aspect-ratio", width / height);
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    if (isCells) drawCells(image.data, map, options);
    else drawHeatmap(image.data, pixels.data, heat, options);
    context.putImageData(image, 0, 0);
  }
  const [low, high] = barEnds(state);
  const name = state.view === "mask" ? "gray" : heatColormap(state);
  parts.bar.replaceChildren(colorBar(name, low, high, `Colour bar: heat from ${low} to ${high}`));
}

/**
 * What the ends of the colour bar stand for. Cells without a sign are stretched from their least to their greatest
 * value.
 */
function barEnds({ view, sign }) {
  if (view === "mask") return ["0", "1"];
  if (sign === "both") return ["−1", "1"];
  if (view !== "cells") return ["0", "1"];
  return figures.length === 1 ? boundsOf(figures[0].map.values).map(formatNumber) : ["min", "max"];
}

function createFigure(map, decoded, { model, method, state }) {
  const { pixels } = decoded;
  const label = labelOf(model, map.index);
  // A map drawn by the server is placed in the picture already.
  const crop = map.rawSize ? { x: 0, y: 0, width: 1, height: 1 } : cropOf(model.input, decoded);
  const heat = resizeHeat(map, crop, pixels.height, pixels.width);
  const description = describeMap(map, heat, pixels, label, method, state);
  const canvas = element("canvas", {
    width: pixels.width,
    height: pixels.height,
    tabIndex: 0,
    role: "img",
    "aria-label": `${method.title} heat map for ${label}. ${description} Arrow keys move the crosshair.`,
  });
  const crosshair = element("span", { class: "crosshair", hidden: true });
  const readout = element("output", { class: "readout", textContent: "\u00a0" });
  trackPosition(
    canvas,
    { width: STEPS, height: STEPS },
    (x, y) => figures.forEach((figure) => figure.showValue(x, y)),
    () => figures.forEach((figure) => figure.hideValue()),
  );
  const caption = element(
    "figcaption",
    {},
    element("strong", { textContent: label }),
    element("span", { textContent: map.probability === null ? "" : formatPercent(map.probability) }),
  );
  const isNotice = map.empty || map.saturated || !method.class_sensitive;
  const text = element("p", { class: isNotice ? "muted notice" : "muted", textContent: description });
  if (map.empty && state.sign !== "both") text.append(" ", oppositeSignButton(state));
  const plot = element("div", { class: "plot" }, canvas, crosshair);
  return {
    node: element("figure", {}, caption, plot, readout, text),
    canvas,
    plot,
    map,
    pixels,
    heat,
    description,
    showValue(x, y) {
      showCrosshair(crosshair, x, y);
      const isCells = current().view === "cells";
      const { height, width } = isCells ? map : pixels;
      const values = isCells ? map.values : heat;
      readout.textContent = `heat ${values[Math.floor(y * height) * width + Math.floor(x * width)].toFixed(2)}`;
    },
    hideValue() {
      crosshair.hidden = true;
      readout.textContent = "\u00a0";
    },
  };
}

function oppositeSignButton(state) {
  const opposite = state.sign === "positive" ? "negative" : "positive";
  return element("button", {
    type: "button",
    class: "link",
    textContent: `Show evidence ${opposite === "positive" ? "for" : "against"} the class`,
    onclick: () => change({ sign: opposite }),
  });
}

/** The words for a sign. */
const EVIDENCE = { positive: "for", negative: "against", both: "for or against" };

/** Where the heat is, what the map's values belong to, and what limits the map. */
function describeMap(map, heat, pixels, label, method, { sign }) {
  const evidence = `evidence ${EVIDENCE[sign]} “${label}”`;
  const isOfLayer = method.resolution === "layer";
  if (map.empty) {
    const place = isOfLayer ? `layer ${map.layer}` : "the input";
    return `There is no ${evidence} in ${place}: the map has ${sign === "both" ? "only zeros" : "no positive value"}.`;
  }
  const [height, width] = map.rawSize ?? [map.height, map.width];
  const size = `The map has ${height} × ${width} values`;
  const sentences = [
    `The strongest ${evidence} is ${locationOfMaximum(heat, pixels)}.`,
    isOfLayer ? `${size}, from layer ${map.layer}.` : `${size}, one for each pixel of the input.`,
  ];
  if (!method.class_sensitive) sentences.push("This method's maps hardly depend on the class.");
  if (map.saturated) {
    sentences.push(
      "The probability rounds to 1, where an ordinary softmax gradient is rounding noise.",
      "This map uses a numerically stable gradient.",
    );
  }
  return sentences.join(" ");
}
