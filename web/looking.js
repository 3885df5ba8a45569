// The panel "Where it looked": one class's heat map over the picture, or two side by side.

import { ask } from "./api.js";
import { readNpy } from "./arrays.js";
import { followCursor, place } from "./channel.js";
import { chosenClass, labelOf } from "./classes.js";
import { colorBar, rows } from "./colormap.js";
import { announce, byId, element, percent } from "./dom.js";
import { enlarge, heatOf, paint, whereHottest } from "./heat.js";
import { pixelsOf, windowOf } from "./picture.js";
import { change } from "./state.js";
import { fillControls, lookingControls } from "./controls.js";

const parts = {};
/** Maps asked for lately, since a class is often chosen again. */
const known = new Map();
const KNOWN = 48;
/** What is on screen, to be painted again without a request. */
let figures = [];

/** Builds the panel once. */
export function setUpLooking() {
  parts.figures = element("div", { class: "figures" });
  parts.bar = element("div");
  parts.controls = lookingControls();
  byId("heat").replaceChildren(
    element("div", { class: "bench" }, element("div", { class: "pictures" }, parts.figures, parts.bar), parts.controls),
  );
}

/** The classes on screen: the chosen one, and what it is compared with. */
export function classesShown(state, predictions) {
  const chosen = chosenClass(predictions);
  const versus = state.versus === "" ? [] : [Number(state.versus)];
  return [chosen, ...versus.filter((index) => index !== chosen)];
}

/** Draws what the state asks for. `context` has `state`, `model`, `picture`, `predictions`, `signal`. */
export async function showLooking(context) {
  const { state, model, picture, predictions, signal } = context;
  fillControls(parts.controls, state, model);
  byId("heat").setAttribute("aria-busy", "true");
  const classes = classesShown(state, predictions);
  const [shown, ...maps] = await Promise.all([
    pixelsOf(picture, model, signal),
    ...classes.map((index) => mapOf(context, index)),
  ]);
  if (signal.aborted) return;
  byId("heat").setAttribute("aria-busy", "false");
  figures = maps.map((map) => figure(map, shown, context));
  parts.figures.classList.toggle("two", figures.length > 1);
  parts.figures.replaceChildren(...figures.map(({ box }) => box));
  repaint(state);
  announce(figures.map(({ words }) => words).join(" "));
}

/** Shows a change of strength, colours or kind of drawing, which need no request. */
export function redraw(state, model) {
  fillControls(parts.controls, state, model);
  repaint(state);
}

function repaint(state) {
  const options = { draw: state.draw, rows: rows(state.heatcolors), alpha: Number(state.alpha) };
  for (const { canvas, picture, heat } of figures) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    paint(image.data, picture.data, heat, options);
    context.putImageData(image, 0, 0);
  }
  const isMask = state.draw === "mask";
  parts.bar.replaceChildren(colorBar(isMask ? "gray" : state.heatcolors, "none", "most", "Heat, from none to most"));
}

/** One class's map: `{ values, height, width, index, probability, empty, saturated }`, 0..1. */
async function mapOf({ state, model, picture, signal }, index) {
  const fields = [
    ["model", model.name],
    ["class", String(index)],
    ["layer", state.explained || model.gradcam],
    ["score", state.score],
    ["sign", state.sign],
  ];
  const key = JSON.stringify([picture.id, fields]);
  if (known.has(key)) return known.get(key);
  const { bytes, headers } = await ask("gradcam", { image: picture, fields, accept: "application/x-npy", signal });
  const {
    shape: [height, width],
    values: raw,
  } = readNpy(bytes);
  const probability = headers("convscope-probability");
  const diagnosis = {
    index,
    layer: headers("convscope-layer"),
    probability: probability === "none" ? null : Number(probability),
    empty: headers("convscope-empty") === "true",
    saturated: headers("convscope-saturated") === "true",
  };
  let map = { values: heatOf(raw), height, width, ...diagnosis };
  const hasVanished = !map.empty && !map.values.some((value) => value > 0);
  if (hasVanished) map = { ...(await drawnMap(picture, fields, signal)), ...diagnosis, coarse: [height, width] };
  known.set(key, map);
  if (known.size > KNOWN) known.delete(known.keys().next().value);
  return map;
}

/** Where raw values are too small for float32, the heat is read from the server's own drawing of it. */
async function drawnMap(picture, fields, signal) {
  const drawing = [...fields, ["view", "heatmap"], ["colormap", "gray"]];
  const { bytes } = await ask("gradcam", { image: picture, fields: drawing, accept: "image/png", signal });
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { values: Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255), height, width };
}

function figure(map, shown, { state, model }) {
  const picture = shown.pixels;
  const label = labelOf(model, map.index);
  // A map that the server has drawn lies in the whole picture already.
  const window = map.coarse ? { x: 0, y: 0, width: 1, height: 1 } : windowOf(model.input, shown);
  const heat = enlarge(map, window, picture.height, picture.width);
  const words = diagnosis(map, heat, picture, label, state);
  const canvas = element("canvas", {
    width: picture.width,
    height: picture.height,
    tabIndex: 0,
    role: "img",
    "aria-label": `Heat map for ${label}. ${words} Arrow keys move the cursor.`,
  });
  const mark = element("span", { class: "cross", hidden: true });
  const readout = element("output", { class: "readout", textContent: "\u00a0" });
  const point = (x, y) => {
    for (const other of figures) other.point(x, y);
  };
  const leave = () => figures.forEach((other) => other.leave());
  followCursor(canvas, { width: 40, height: 40 }, point, leave);
  const said = map.probability === null ? "" : percent(map.probability);
  const title = element(
    "figcaption",
    {},
    element("strong", { textContent: label }),
    element("span", { textContent: said }),
  );
  const notice = element("p", { class: map.empty || map.saturated ? "words notice" : "words", textContent: words });
  if (map.empty) notice.append(" ", turnSign(state));
  const frame = element("div", { class: "frame" }, canvas, mark);
  frame.style.setProperty("--ratio", picture.width / picture.height);
  return {
    box: element("figure", {}, title, frame, readout, notice),
    canvas,
    picture,
    heat,
    words,
    point(x, y) {
      place(mark, x, y);
      const at = Math.floor(y * picture.height) * picture.width + Math.floor(x * picture.width);
      readout.textContent = `heat here: ${heat[at].toFixed(2)} of 1`;
    },
    leave() {
      mark.hidden = true;
      readout.textContent = "\u00a0";
    },
  };
}

function turnSign(state) {
  const other = state.sign === "positive" ? "negative" : "positive";
  const text = other === "negative" ? "See what spoke against it" : "See what spoke for it";
  return element("button", {
    type: "button",
    class: "link",
    textContent: text,
    onclick: () => change({ sign: other }),
  });
}

/** What the map says, and how far it can be trusted. */
function diagnosis(map, heat, picture, label, { sign }) {
  const spoke = sign === "positive" ? "for" : "against";
  if (map.empty) return `Nothing in ${map.layer} spoke ${spoke} “${label}”, so there is no heat.`;
  const [height, width] = map.coarse ?? [map.height, map.width];
  const where = `What spoke ${spoke} “${label}” most lies ${whereHottest(heat, picture)}. The map has ${height} × ${width} values, from ${map.layer}.`;
  if (!map.saturated) return where;
  return `${where} The network is as good as certain: its probability rounds to 1, where an ordinary gradient is noise. This map is computed so that it holds.`;
}
