// The Explanation tab: the heat maps of one or several methods and classes, beside their settings.

import { colorBar, heatColormap } from "./colormap.js";
import { announce, byId, element, formatNumber } from "./dom.js";
import { createFigure } from "./figure.js";
import { boundsOf, strongestOf } from "./heatmap.js";
import { createLayerStrip, fillLayerStrip, redrawLayerStrip } from "./layer-strip.js";
import { loadMap } from "./maps.js";
import { chosenMethods, isLong } from "./methods.js";
import { decodePicture } from "./picture.js";
import { explainedClass } from "./predictions.js";
import { createSettings, fillSettings } from "./settings.js";
import { current } from "./state.js";

/** Milliseconds until maps that are still computed are shown as such; shorter waits keep the previous ones. */
const DELAY = 400;
/** Figures side by side. */
const MAX_COLUMNS = 3;

const parts = {};
/** The figures on screen, kept so that they can be drawn again without a request. */
let figures = [];

/** Builds the panel once. */
export function setUpExplain() {
  parts.maps = element("div", { class: "maps" });
  parts.bar = element("div");
  parts.strip = createLayerStrip();
  parts.settings = createSettings();
  const plots = element("div", { class: "plots" }, parts.maps, parts.bar);
  const results = element("div", { class: "results" }, plots, parts.strip);
  byId("explain").replaceChildren(element("div", { class: "explanation" }, results, parts.settings));
}

/** The classes on screen: the explained one, and the one that it is compared with. */
export function shownClasses(state, predictions) {
  const explained = explainedClass(predictions);
  const compared = state.compare === "" ? [] : [Number(state.compare)];
  return [explained, ...compared.filter((index) => index !== explained)];
}

/**
 * Shows what the state says. `view` is `{ state, model, methods, picture, predictions, signal }`; `onShown` is called
 * when the previous view is no longer on screen.
 */
export async function showExplanation(view, onShown) {
  const { state, model, picture, predictions, signal } = view;
  const methods = chosenMethods(view.methods, state);
  const classes = shownClasses(state, predictions);
  fillSettings(parts.settings, view);
  const decoded = await decodePicture(picture, model, signal);
  if (signal.aborted) return;
  const context = { ...view, decoded };
  const isOnly = methods.length * classes.length === 1;
  const next = classes.flatMap((index) =>
    methods.map((method) => startedFigure(context, method, index, methods.length > 1)),
  );
  let strip = null;
  const show = () => {
    if (signal.aborted || figures === next) return;
    byId("explain").setAttribute("aria-busy", "false");
    figures = next;
    parts.maps.classList.toggle("side-by-side", figures.length > 1);
    parts.maps.style.setProperty("--columns", columnsFor(methods.length > 1 ? methods.length : classes.length));
    parts.maps.replaceChildren(...figures.map(({ node }) => node));
    draw(state);
    strip = fillLayerStrip(parts.strip, context, methods[0], classes[0]);
    onShown();
  };
  const all = Promise.all(next.map(({ loading }) => loading));
  const timer = next.some((figure) => figure.isLong) ? setTimeout(show, DELAY) : 0;
  try {
    const errors = await all;
    // The error of a single map is shown with a button to retry.
    if (isOnly && errors[0] && figures !== next) throw errors[0];
  } finally {
    clearTimeout(timer);
  }
  show();
  if (signal.aborted) return;
  draw(state);
  announce(figures.map(({ description }) => description).join(" "));
  await strip;
}

/** The columns of so many figures: each row has as many, if possible. */
function columnsFor(count) {
  return Math.ceil(count / Math.ceil(count / MAX_COLUMNS));
}

/** A figure whose map is being computed; `loading` resolves with the error of the map, or null. */
function startedFigure(context, method, index, hasMethod) {
  let stop;
  const load = async () => {
    stop = new AbortController();
    figure.begin({ isLong: isLong(method) });
    const signal = AbortSignal.any([context.signal, stop.signal]);
    const { setProgress: onProgress, setPreview: onPreview } = figure;
    try {
      figure.setMap(await loadMap({ ...context, signal }, method, index, { onProgress, onPreview }));
      figure.draw(current());
      // All maps may have one scale.
      if (figures.includes(figure)) draw(current());
    } catch (error) {
      if (context.signal.aborted) return null;
      if (!stop.signal.aborted) {
        figure.setError(error);
        return error;
      }
      figure.setStopped();
    }
    return null;
  };
  const figure = createFigure(context, method, index, {
    hasMethod,
    onMove: (x, y) => figures.forEach((other) => other.showValue(x, y)),
    onLeave: () => figures.forEach((other) => other.hideValue()),
    onStop: () => stop.abort(),
    onStart: load,
  });
  figure.isLong = isLong(method);
  figure.loading = load();
  return figure;
}

/** Shows a change of alpha, colour map or view, which need no request. */
export function redrawExplanation(view) {
  fillSettings(parts.settings, view);
  draw(view.state);
  redrawLayerStrip(view.state);
}

/** The percentile beyond which the values of a method's map are clipped. */
function percentileOf({ percentile }, state) {
  return state.percentile === "" ? percentile : Number(state.percentile);
}

/** Scales each map by its own strongest value, or all by that of all. */
function rescale(state) {
  const isSigned = state.sign === "both";
  const scaled = figures.filter(({ map }) => map?.raw);
  const own = scaled.map(({ map, method }) => strongestOf(map.raw, percentileOf(method, state), isSigned));
  const largest = Math.max(...own);
  scaled.forEach((figure, i) => figure.rescale(state.scale === "shared" ? largest : own[i], isSigned));
}

function draw(state) {
  rescale(state);
  for (const figure of figures) figure.draw(state);
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
  const only = figures.length === 1 ? figures[0].map : null;
  return only ? boundsOf(only.values).map(formatNumber) : ["min", "max"];
}
