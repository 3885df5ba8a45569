// One heat map over the picture, with its caption, a crosshair, and the progress while it is computed.

import { colormapOf, heatColormap } from "./colormap.js";
import { cropOf } from "./crop.js";
import { showCrosshair, trackPosition } from "./crosshair.js";
import { element, formatPercent } from "./dom.js";
import { asSentence } from "./errors.js";
import { cellsSize, drawCells, drawHeatmap, heatOf, resizeHeat } from "./heatmap.js";
import { describeMap } from "./map-description.js";
import { labelOf } from "./predictions.js";
import { change, current } from "./state.js";

/** Steps of an arrow key across the picture, in both directions. */
const STEPS = 40;

/**
 * A figure for the map of `method` for class `index`. It shows the picture alone until `setMap` is called; `onMove(x,
 * y)` and `onLeave()` are called with the crosshair's position.
 */
export function createFigure(
  { state, model, decoded },
  method,
  index,
  { hasMethod, onMove, onLeave, onStop, onStart },
) {
  const { pixels } = decoded;
  const label = labelOf(model, index);
  const canvas = element("canvas", { tabIndex: 0, role: "img" });
  const crosshair = element("span", { class: "crosshair", hidden: true });
  const plot = element("div", { class: "plot" }, canvas, crosshair);
  const readout = element("output", { class: "readout", textContent: "\u00a0" });
  const probability = element("span");
  const text = element("p", { class: "muted" });
  const bar = element("progress", { max: 1, "aria-label": `Passes of ${method.title}` });
  const progressText = element("span", { textContent: "" });
  const button = (textContent, onclick) => element("button", { type: "button", class: "button", textContent, onclick });
  const stop = button("Stop", onStop);
  const start = element("div", { class: "row", hidden: true }, button("Compute again", onStart));
  const progress = element("div", { class: "map-progress", hidden: true }, bar, progressText, stop);
  const caption = element(
    "figcaption",
    {},
    hasMethod ? element("span", { class: "figure-method", textContent: method.title }) : null,
    element("strong", { textContent: label }),
    probability,
  );
  const node = element("figure", {}, caption, progress, plot, readout, text, start);
  trackPosition(canvas, { width: STEPS, height: STEPS }, onMove, onLeave);

  const figure = { node, method, index, map: null, description: "" };
  let heat = new Float32Array(pixels.width * pixels.height);

  const place = (map) => {
    figure.map = map;
    // A map drawn by the server is placed in the picture already.
    const crop = map.rawSize ? { x: 0, y: 0, width: 1, height: 1 } : cropOf(model.input, decoded);
    heat = resizeHeat(map, crop, pixels.height, pixels.width);
  };
  const describe = (description) => {
    figure.description = description;
    text.textContent = description;
    canvas.setAttribute(
      "aria-label",
      `${method.title} heat map for ${label}. ${description} Arrow keys move the crosshair.`,
    );
  };
  /** Scales the map so that the magnitude `strongest` takes the strongest colour. */
  figure.rescale = (strongest, isSigned) => {
    if (figure.map?.raw) place({ ...figure.map, values: heatOf(figure.map.raw, strongest, isSigned) });
  };
  let isDone = true;
  const end = () => {
    isDone = true;
    progress.hidden = true;
    node.removeAttribute("aria-busy");
  };

  figure.draw = (shown) => {
    const isCells = shown.view === "cells" && figure.map !== null;
    const { height, width } = isCells ? cellsSize(figure.map) : pixels;
    Object.assign(canvas, { height, width });
    plot.style.setProperty("--aspect-ratio", width / height);
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const colormap = colormapOf(heatColormap(shown));
    const options = { view: shown.view, colormap, alpha: Number(shown.alpha), isSigned: shown.sign === "both" };
    if (figure.map === null) image.data.set(pixels.data);
    else if (isCells) drawCells(image.data, figure.map, options);
    else drawHeatmap(image.data, pixels.data, heat, options);
    context.putImageData(image, 0, 0);
  };
  figure.setMap = (map) => {
    place(map);
    end();
    probability.textContent = map.probability === null ? "" : formatPercent(map.probability);
    describe(describeMap(map, heat, pixels, label, method, state));
    text.classList.toggle("notice", map.empty || map.saturated || !method.class_sensitive);
    if (map.empty && state.sign !== "both") text.append(" ", oppositeSignButton(state));
  };
  figure.begin = ({ isLong }) => {
    isDone = false;
    start.hidden = true;
    text.classList.remove("error-text");
    if (!isLong) return;
    bar.removeAttribute("value");
    progressText.textContent = "Waiting …";
    node.setAttribute("aria-busy", "true");
    progress.hidden = false;
    describe("It is being computed.");
    text.textContent = "";
  };
  figure.setPreview = (map) => {
    // Its picture may be decoded after the map has arrived.
    if (isDone) return;
    place(map);
    figure.draw(current());
  };
  figure.setProgress = ({ done, total }) => {
    bar.max = total;
    bar.value = done;
    progressText.textContent = `${done} of ${total}`;
  };
  figure.setStopped = () => {
    end();
    start.hidden = false;
    const stopped = bar.hasAttribute("value") ? `Stopped after ${bar.value} of ${bar.max} passes.` : "Stopped.";
    describe(`${stopped}${figure.map ? " The map so far is shown." : ""}`);
  };
  figure.setError = (error) => {
    end();
    describe(`${asSentence(error.message)}${figure.map ? " The map so far is shown." : ""}`);
    text.classList.add("error-text");
    start.hidden = false;
  };
  figure.showValue = (x, y) => {
    showCrosshair(crosshair, x, y);
    if (figure.map === null) return;
    const isCells = current().view === "cells";
    const { height, width } = isCells ? figure.map : pixels;
    const values = isCells ? figure.map.values : heat;
    readout.textContent = `heat ${values[Math.floor(y * height) * width + Math.floor(x * width)].toFixed(2)}`;
  };
  figure.hideValue = () => {
    crosshair.hidden = true;
    readout.textContent = "\u00a0";
  };
  return figure;
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
