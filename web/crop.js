// The part of the picture that the model gets, where its preprocessing crops the centre.

import { byId } from "./dom.js";

/** The crop as torchvision computes it, in shares of the picture's width and height. */
export function cropOf(input, { fullWidth, fullHeight }) {
  if (input.crop !== "center") return { x: 0, y: 0, width: 1, height: 1 };
  const [height, width] = input.size;
  const scale = input.resize_to
    ? input.resize_to / Math.min(fullWidth, fullHeight)
    : Math.max(width / fullWidth, height / fullHeight);
  // 1e-6 corrects products that are whole numbers but are computed slightly too small.
  const resized = (full) => Math.floor(full * scale + 1e-6);
  const [x, w] = centered(resized(fullWidth), width);
  const [y, h] = centered(resized(fullHeight), height);
  return { x, y, width: w, height: h };
}

/** Start and length of the centre of a side, in shares of it. Half of an odd margin is rounded to the even number. */
function centered(side, length) {
  const margin = Math.max(side - length, 0);
  const start = Math.floor(margin / 2) + (margin % 4 === 3 ? 1 : 0);
  return [start / side, Math.min(length, side) / side];
}

/** Draws a dashed frame around the crop, unless the crop is the whole picture. */
export function showCrop(input, decoded) {
  const { x, y, width, height } = cropOf(input, decoded);
  const frame = byId("crop");
  frame.hidden = width === 1 && height === 1;
  if (frame.hidden) return;
  Object.assign(frame.style, pictureFrame(decoded, { x, y, width, height }));
}

/** The position on screen of a part of the picture, in shares of its width and height, as CSS properties. */
export function pictureFrame({ fullWidth, fullHeight }, { x, y, width, height } = { x: 0, y: 0, width: 1, height: 1 }) {
  const image = byId("picture");
  const scale = Math.min(image.clientWidth / fullWidth, image.clientHeight / fullHeight);
  const [w, h] = [fullWidth * scale, fullHeight * scale];
  const [left, top] = [image.offsetLeft + (image.clientWidth - w) / 2, image.offsetTop + (image.clientHeight - h) / 2];
  return {
    left: `${left + x * w}px`,
    top: `${top + y * h}px`,
    width: `${width * w}px`,
    height: `${height * h}px`,
  };
}
