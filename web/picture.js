// Where pictures come from: samples, files, drops, the clipboard, the camera. Own pictures are kept while the page is
// open, so that Back finds them; they go nowhere but to this server.

import { address, ask, Problem } from "./api.js";
import { setUpCamera } from "./camera.js";
import { byId, element } from "./dom.js";

const SAMPLES = [
  { id: "cat_and_dog", alt: "a bulldog beside a tabby cat" },
  { id: "cat", alt: "a tabby cat, close" },
  { id: "coffee", alt: "a cup of espresso on a table" },
  { id: "rocket", alt: "a rocket taking off" },
];

/** The picture of who has not chosen one. */
export const FIRST = SAMPLES[0].id;
/** The longest side of a picture on the screen. */
const SHOWN = 1024;

const own = new Map();

/** Sets up every way to choose a picture; `chosen` gets its id. */
export function setUpPicture(chosen) {
  const take = (file) => {
    // Never that of an address from elsewhere: choosing must always be a change.
    const id = `own-${Math.random().toString(36).slice(2, 8)}`;
    const name = file.name || "picture.png";
    own.set(id, { id, name, blob: file, sample: false, alt: `your picture ${name}` });
    chosen(id);
  };
  const takeFirst = (files) => files.length > 0 && take(files[0]);
  byId("file").addEventListener("change", (event) => {
    takeFirst(event.target.files);
    event.target.value = "";
  });
  setUpDrop(takeFirst);
  document.addEventListener("paste", (event) => takeFirst(event.clipboardData?.files ?? []));
  setUpCamera(take);
  byId("samples").replaceChildren(
    ...SAMPLES.map(({ id, alt }) => {
      const image = element("img", { src: pathOf(id), width: 56, height: 56, alt: "", loading: "lazy" });
      const attributes = {
        type: "button",
        "aria-label": `Sample: ${alt}`,
        "aria-pressed": "false",
        data: { sample: id },
      };
      return element("li", {}, element("button", { ...attributes, onclick: () => chosen(id) }, image));
    }),
  );
}

function setUpDrop(take) {
  const box = byId("drop");
  let depth = 0;
  const mark = (step) => {
    depth = Math.max(depth + step, 0);
    box.classList.toggle("aimed", depth > 0);
  };
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => hasFile(event) && mark(1));
  window.addEventListener("dragleave", (event) => hasFile(event) && mark(-1));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    take(event.dataTransfer.files);
  });
}

function pathOf(id) {
  return `web/samples/${id}.jpg`;
}

/** The picture with this id; null where it was another reader's own, or one of an earlier visit. */
export async function pictureOf(id, signal) {
  const sample = SAMPLES.find((one) => one.id === id);
  if (!sample) return own.get(id) ?? null;
  const path = pathOf(id);
  const answer = await fetch(address(path), { signal });
  if (!answer.ok) throw new Problem(`The sample ${id} cannot be loaded.`);
  return { id, name: `${id}.jpg`, path, blob: await answer.blob(), sample: true, alt: sample.alt };
}

/** Shows the picture, or an invitation. */
export function showPicture(picture) {
  const image = byId("picture");
  for (const button of byId("samples").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.sample === picture?.id));
  }
  image.hidden = !picture;
  byId("window").hidden = true;
  byId("invitation").hidden = Boolean(picture);
  if (!picture) {
    byId("invitation").textContent =
      "The picture of this view stays with who chose it. Choose one to see it the same way.";
    return;
  }
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(picture.shown?.blob ?? picture.blob);
  image.alt = picture.alt;
}

/**
 * The picture's pixels at a size for the screen: `{ pixels, blob, fullWidth, fullHeight }`. What the browser cannot read
 * (TIFF), the server draws.
 */
export async function pixelsOf(picture, model, signal) {
  if (picture.shown) return picture.shown;
  let blob = picture.blob;
  let bitmap;
  try {
    bitmap = await bitmapOf(blob);
  } catch {
    const fields = [
      ["model", model.name],
      ["alpha", "0"],
    ];
    const { bytes } = await ask("gradcam", { image: picture, fields, accept: "image/png", signal });
    blob = new Blob([bytes], { type: "image/png" });
    bitmap = await bitmapOf(blob);
  }
  const scale = Math.min(1, SHOWN / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(side * scale), 1));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  // As the server drops an alpha channel: white would be another picture.
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  picture.shown = { pixels, blob, fullWidth: bitmap.width, fullHeight: bitmap.height };
  return picture.shown;
}

// As stored, without the picture's colour profile: so does the server see it.
function bitmapOf(blob) {
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** The part of the picture that the network gets, as torchvision crops: shares of its width and height. */
export function windowOf(input, { fullWidth, fullHeight }) {
  if (input.crop !== "center") return { x: 0, y: 0, width: 1, height: 1 };
  const [height, width] = input.size;
  const scale = input.resize_to
    ? input.resize_to / Math.min(fullWidth, fullHeight)
    : Math.max(width / fullWidth, height / fullHeight);
  // A little more, since a product that is a whole number may come out just below.
  const side = (full) => Math.floor(full * scale + 1e-6);
  const [x, w] = cut(side(fullWidth), width);
  const [y, h] = cut(side(fullHeight), height);
  return { x, y, width: w, height: h };
}

/** Start and length of the middle of a side, in shares of it; an odd rest is halved to the even number. */
function cut(side, length) {
  const spare = Math.max(side - length, 0);
  const start = Math.floor(spare / 2) + (spare % 4 === 3 ? 1 : 0);
  return [start / side, Math.min(length, side) / side];
}

/** Frames the part that the network gets, where that is not all. */
export function showWindow(input, shown) {
  const { x, y, width, height } = windowOf(input, shown);
  const frame = byId("window");
  frame.hidden = width === 1 && height === 1;
  if (frame.hidden) return;
  const image = byId("picture");
  const scale = Math.min(image.clientWidth / shown.fullWidth, image.clientHeight / shown.fullHeight);
  const [w, h] = [shown.fullWidth * scale, shown.fullHeight * scale];
  const [left, top] = [image.offsetLeft + (image.clientWidth - w) / 2, image.offsetTop + (image.clientHeight - h) / 2];
  Object.assign(frame.style, {
    left: `${left + x * w}px`,
    top: `${top + y * h}px`,
    width: `${width * w}px`,
    height: `${height * h}px`,
  });
}
