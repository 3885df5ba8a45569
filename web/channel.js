// One channel, large, beside the picture: what lies under the cursor in the one is marked in the other.

import { ask } from "./api.js";
import { readFirstOfNpz } from "./arrays.js";
import { colorBar, rows } from "./colormap.js";
import { element, short } from "./dom.js";
import { windowOf } from "./picture.js";

/** The values of one channel: `{ values, height, width }`. */
export async function valuesOf({ state, picture, signal }) {
  const fields = [
    ["model", state.model],
    ["layer", state.layer],
    ["channel", state.channel],
  ];
  const { bytes } = await ask("activations", { image: picture, fields, accept: "application/x-npz", signal });
  const { shape, values } = readFirstOfNpz(bytes);
  return { values, height: shape[1], width: shape[2] };
}

/** The picture and the channel with its colour bar. `colors` is a colour map's name. */
export function channelFigures({ values, height, width }, { model, picture, shown, colors, label }) {
  const [low, high] = range(values);
  const canvas = draw(values, height, width, low, high, colors);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute(
    "aria-label",
    `${label}: ${height} by ${width} values from ${short(low)} to ${short(high)}. Arrow keys move the cursor.`,
  );
  const image = element("img", { src: URL.createObjectURL(shown.blob), alt: picture.alt });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  const readout = element("output", { class: "readout", textContent: "Move over the map to read a value." });
  const frames = [element("div", { class: "frame" }, image), element("div", { class: "frame" }, canvas)];
  const marks = frames.map((frame) => {
    const mark = element("span", { class: "cross", hidden: true });
    frame.append(mark);
    return mark;
  });
  const seen = windowOf(model.input, shown);
  // Square maps of an oblong picture are drawn oblong, so that the eye finds the same place in both.
  canvas.style.setProperty("--ratio", (shown.fullWidth * seen.width) / (shown.fullHeight * seen.height));
  const point = (x, y) => {
    place(marks[1], x, y);
    place(marks[0], seen.x + x * seen.width, seen.y + y * seen.height);
    const [row, column] = [Math.min(Math.floor(y * height), height - 1), Math.min(Math.floor(x * width), width - 1)];
    readout.textContent = `row ${row}, column ${column}: ${short(values[row * width + column])}`;
  };
  const leave = () =>
    marks.forEach((mark) => {
      mark.hidden = true;
    });
  followCursor(canvas, { width, height }, point, leave);
  image.addEventListener("pointermove", (event) => {
    const [x, y] = positionIn(image, event);
    const inside = [(x - seen.x) / seen.width, (y - seen.y) / seen.height];
    if (inside.every((share) => share >= 0 && share < 1)) point(...inside);
    else leave();
  });
  image.addEventListener("pointerleave", leave);
  const bar = colorBar(colors, short(low), short(high), `Colours from ${short(low)} to ${short(high)}`);
  return { frames, bar, readout };
}

function range(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return [low, high];
}

function draw(values, height, width, low, high, colors) {
  const canvas = element("canvas", { width, height, class: "map" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const table = rows(colors);
  values.forEach((value, i) => {
    // As matplotlib's `matshow`.
    const level = high > low ? Math.min(Math.trunc((256 * (value - low)) / (high - low)), 255) : 0;
    image.data.set(table.subarray(3 * level, 3 * level + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Puts a cross at shares of its frame's width and height. */
export function place(mark, x, y) {
  mark.hidden = false;
  mark.style.left = `${x * 100}%`;
  mark.style.top = `${y * 100}%`;
}

function positionIn(target, event) {
  const box = target.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((share) =>
    Math.min(Math.max(share, 0), 0.99999),
  );
}

/** Calls `point(x, y)` with shares of width and height while a pointer moves or arrow keys are pressed. */
export function followCursor(target, steps, point, leave) {
  let [x, y] = [0.5, 0.5];
  target.addEventListener("pointermove", (event) => point(...([x, y] = positionIn(target, event))));
  target.addEventListener("pointerleave", leave);
  target.addEventListener("blur", leave);
  target.addEventListener("keydown", (event) => {
    const [right, down] =
      { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault();
    const keep = (share) => Math.min(Math.max(share, 0), 0.99999);
    [x, y] = [keep(x + right / steps.width), keep(y + down / steps.height)];
    point(x, y);
  });
}
