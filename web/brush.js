// The brush: paint over a part of the picture, and see at once how the probabilities change.

import { requestJson } from "./api.js";
import { createBrushControls } from "./brush-controls.js";
import { pointerPosition } from "./crosshair.js";
import { announce, byId, formatPercent } from "./dom.js";
import { pictureFrame } from "./crop.js";
import { showError } from "./errors.js";
import { labelOf, showChangedPredictions } from "./predictions.js";
import { change, current } from "./state.js";
import { drawStrokes, formatStrokes, isFar, parseStrokes, strokeStyle } from "./strokes.js";

/** Classes in the request; those that are not among them have a smaller probability than all that are. */
const TOP = 50;
/** Steps of an arrow key across the picture. */
const STEPS = 40;

const parts = {};
/** The picture, the model, the decoded pixels and the signal of what is on screen. */
let view = null;
let isOn = false;
/** The stroke that is being drawn. */
let stroke = null;
let cursor = [500, 500];
const requests = { isRunning: false, isOutdated: false };

/** Sets up the button, the controls and the canvas; `onUse` gets the painted picture as a file. */
export function setUpBrush(onUse) {
  parts.canvas = byId("painting");
  parts.cursor = byId("brush-cursor");
  parts.controls = createBrushControls({
    strokes: () => parseStrokes(current().brush),
    onSize: moveCursor,
    onUse,
    paintedFile,
  });
  byId("brush-controls").replaceChildren(parts.controls.node);
  byId("brush").addEventListener("click", () => {
    isOn = !isOn;
    if (!isOn && current().brush !== "") change({ brush: "" });
    showBrush();
    if (isOn) parts.canvas.focus();
  });
  const { canvas } = parts;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    moveTo(event);
    stroke = { radius: parts.controls.radius(), points: [cursor] };
    paint();
  });
  canvas.addEventListener("pointermove", (event) => {
    for (const at of event.getCoalescedEvents?.() ?? [event]) moveTo(at);
    moveTo(event);
    if (stroke) paint();
  });
  canvas.addEventListener("pointerup", endStroke);
  canvas.addEventListener("pointercancel", endStroke);
  canvas.addEventListener("pointerleave", () => !stroke && (parts.cursor.hidden = true));
  canvas.addEventListener("focus", moveCursor);
  canvas.addEventListener("blur", () => (parts.cursor.hidden = true));
  canvas.addEventListener("keydown", onKey);
}

/** Shows the strokes of the state over the picture, or without `next` none. */
export function updateBrush(next) {
  view = next;
  if (current().brush !== "") isOn = true;
  showBrush();
}

/** Fits the canvas to the picture on screen. */
export function resizeBrush() {
  if (!view || !isOn) return;
  Object.assign(parts.canvas.style, pictureFrame(view.decoded));
}

function showBrush() {
  const isUsable = view !== null;
  byId("brush").disabled = !isUsable;
  byId("brush").setAttribute("aria-pressed", String(isOn && isUsable));
  byId("brush-controls").hidden = parts.canvas.hidden = !(isOn && isUsable);
  parts.cursor.hidden = true;
  if (!isUsable || !isOn) return showChangedPredictions(null, view?.predictions);
  const { width, height } = view.decoded.pixels;
  if (parts.canvas.width !== width || parts.canvas.height !== height) Object.assign(parts.canvas, { width, height });
  resizeBrush();
  paint();
}

/** Draws all strokes, and requests the probabilities of the painted picture. */
function paint() {
  const context = parts.canvas.getContext("2d");
  const { pixels } = view.decoded;
  const { brush, brush_fill: fill } = current();
  context.clearRect(0, 0, pixels.width, pixels.height);
  const strokes = [...parseStrokes(brush), ...(stroke ? [stroke] : [])];
  parts.controls.update(strokes.length);
  if (strokes.length === 0) return showChangedPredictions(null, view.predictions);
  if (view.style?.fill !== fill) view.style = { fill, value: strokeStyle(pixels, fill) };
  drawStrokes(context, strokes, view.style.value, pixels);
  predictPainted();
}

function moveTo(event) {
  cursor = pointerPosition(parts.canvas, event).map((share) => share * 1000);
  if (stroke && isFar(stroke, cursor)) stroke.points.push(cursor);
  moveCursor();
}

/** Shows the size and the place of the brush. */
function moveCursor() {
  const { clientWidth, clientHeight, offsetLeft, offsetTop } = parts.canvas;
  const size = `${(parts.controls.radius() / 500) * Math.max(clientWidth, clientHeight)}px`;
  const [left, top] = [offsetLeft + (cursor[0] / 1000) * clientWidth, offsetTop + (cursor[1] / 1000) * clientHeight];
  parts.cursor.hidden = false;
  Object.assign(parts.cursor.style, { width: size, height: size, left: `${left}px`, top: `${top}px` });
}

function endStroke() {
  if (!stroke) return;
  const ended = stroke;
  stroke = null;
  change({ brush: formatStrokes([...parseStrokes(current().brush), ended]) });
}

function onKey(event) {
  const [right, down] =
    { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [];
  const isDot = event.key === " " || event.key === "Enter";
  if (right === undefined && !isDot) return;
  event.preventDefault();
  const moved = (place, step) => Math.min(Math.max(place + (step * 1000) / STEPS, 0), 1000);
  if (!isDot) cursor = [moved(cursor[0], right), moved(cursor[1], down)];
  else {
    stroke = { radius: parts.controls.radius(), points: [cursor] };
    endStroke();
  }
  moveCursor();
}

/** The picture with what is painted over it, as a PNG file. */
async function paintedFile() {
  const { width, height } = view.decoded.pixels;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.putImageData(view.decoded.pixels, 0, 0);
  context.drawImage(parts.canvas, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new File([blob], `${view.picture.name.replace(/\.[^.]*$/, "")}-painted.png`, { type: "image/png" });
}

/** One request at a time. If the picture has changed meanwhile, another one follows with the latest picture. */
async function predictPainted() {
  requests.isOutdated = true;
  if (requests.isRunning) return;
  requests.isRunning = true;
  byId("class-list").setAttribute("aria-busy", "true");
  const shown = view;
  const { model, predictions, signal } = shown;
  try {
    while (requests.isOutdated) {
      requests.isOutdated = false;
      const fields = [
        ["model", model.name],
        ["top", String(Math.min(model.output.classes, TOP))],
      ];
      const file = await paintedFile();
      const answer = await requestJson("predict", { image: { blob: file, name: file.name }, fields, signal });
      if (view !== shown) break;
      if (current().brush === "" && !stroke) break;
      showChangedPredictions(answer.predictions, predictions);
      const [{ class: likeliest, probability }] = answer.predictions;
      if (!stroke)
        announce(`Painted: ${labelOf(model, likeliest)} ${probability === null ? "" : formatPercent(probability)}`);
    }
  } catch (error) {
    if (view === shown) showError(error, predictPainted);
  } finally {
    requests.isRunning = false;
    byId("class-list").setAttribute("aria-busy", "false");
    if (view !== shown && view && current().brush !== "") predictPainted();
  }
}
