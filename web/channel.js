// One channel beside the picture, with a crosshair at the same position in both.

import { request } from "./api.js";
import { colorBar, colormapOf } from "./colormap.js";
import { cropOf } from "./crop.js";
import { pointerPosition, showCrosshair, trackPosition } from "./crosshair.js";
import { element, formatNumber } from "./dom.js";
import { parseFirstOfNpz } from "./npy.js";

/** The values of one channel: `{ values, height, width }`. */
export async function loadChannel({ state, picture, signal }) {
  const fields = [
    ["model", state.model],
    ["layer", state.layer],
    ["channel", state.channel],
    ...(state.query ? [["query", state.query]] : []),
  ];
  const { bytes } = await request("activations", { image: picture, fields, accept: "application/x-npz", signal });
  const { shape, values } = parseFirstOfNpz(bytes);
  return { values, height: shape[1], width: shape[2] };
}

/** The plots of the picture and of the channel, the colour bar, and the readout of the value at the crosshair. */
export function channelPlots({ values, height, width }, { model, picture, decoded, colormap, label }) {
  const [low, high] = finiteRange(values);
  const [lowText, highText] = [formatNumber(low), formatNumber(high)];
  const canvas = drawChannel(values, height, width, low, high, colormap);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute(
    "aria-label",
    `${label}: ${height} × ${width} values from ${lowText} to ${highText}. Arrow keys move the crosshair.`,
  );
  const image = element("img", { src: URL.createObjectURL(decoded.blob), alt: picture.alt });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  const readout = element("output", { class: "readout", textContent: "Hover over the channel to read a value." });
  const crop = cropOf(model.input, decoded);
  // A map may be square where the picture is not. It gets the picture's aspect ratio, so that positions correspond.
  canvas.style.setProperty("--aspect-ratio", (decoded.fullWidth * crop.width) / (decoded.fullHeight * crop.height));
  const [imageCrosshair, canvasCrosshair] = [0, 1].map(() => element("span", { class: "crosshair", hidden: true }));
  const onMove = (x, y) => {
    showCrosshair(canvasCrosshair, x, y);
    showCrosshair(imageCrosshair, crop.x + x * crop.width, crop.y + y * crop.height);
    const [row, column] = [Math.min(Math.floor(y * height), height - 1), Math.min(Math.floor(x * width), width - 1)];
    readout.textContent = `row ${row}, column ${column}: ${formatNumber(values[row * width + column])}`;
  };
  const onLeave = () => {
    imageCrosshair.hidden = canvasCrosshair.hidden = true;
  };
  trackPosition(canvas, { width, height }, onMove, onLeave);
  image.addEventListener("pointermove", (event) => {
    const [x, y] = pointerPosition(image, event);
    const inCrop = [(x - crop.x) / crop.width, (y - crop.y) / crop.height];
    if (inCrop.every((share) => share >= 0 && share < 1)) onMove(...inCrop);
    else onLeave();
  });
  image.addEventListener("pointerleave", onLeave);
  const plots = [
    element("div", { class: "plot" }, image, imageCrosshair),
    element("div", { class: "plot" }, canvas, canvasCrosshair),
  ];
  return { plots, bar: colorBar(colormap, lowText, highText, `Colour bar from ${lowText} to ${highText}`), readout };
}

function finiteRange(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function drawChannel(values, height, width, low, high, colormapName) {
  const canvas = element("canvas", { width, height, class: "channel-map" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const colormap = colormapOf(colormapName);
  values.forEach((value, i) => {
    const share = high > low ? (value - low) / (high - low) : 0;
    // As matplotlib's `matshow`; NaN is level 0, as on the server.
    const level = Math.min(Math.max(Math.trunc(256 * share), 0), 255) || 0;
    image.data.set(colormap.subarray(3 * level, 3 * level + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
