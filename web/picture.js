// The picture and its sources: samples, files, drag and drop, the clipboard, the camera. The user's own pictures are
// kept in memory until the page is closed, so that Back finds them. They are sent to this server only.

import { address, ApiError, request } from "./api.js";
import { setUpCamera } from "./camera.js";
import { byId, element } from "./dom.js";

const SAMPLES = [
  { id: "cat_and_dog", alt: "a bulldog beside a tabby cat" },
  { id: "cat", alt: "a tabby cat, close" },
  { id: "coffee", alt: "a cup of espresso on a table" },
  { id: "rocket", alt: "a rocket taking off" },
];

/** The picture of a first visit. */
export const DEFAULT_PICTURE = SAMPLES[0].id;
/** The longest side of a picture on screen, in pixels. */
const MAX_SIDE = 1024;

const ownPictures = new Map();

/** Sets up all sources; `onSelect` gets the picture's id. Returns a function that adds a file as the user's picture. */
export function setUpPicture(onSelect) {
  const addPicture = (file) => {
    // A random id differs from the one in the address, so that a choice always changes the state.
    const id = `own-${Math.random().toString(36).slice(2, 8)}`;
    const name = file.name || "picture.png";
    ownPictures.set(id, { id, name, blob: file, sample: false, alt: `your picture ${name}` });
    onSelect(id);
  };
  const addFirst = (files) => files.length > 0 && addPicture(files[0]);
  byId("file").addEventListener("change", (event) => {
    addFirst(event.target.files);
    event.target.value = "";
  });
  setUpDrop(addFirst);
  document.addEventListener("paste", (event) => addFirst(event.clipboardData?.files ?? []));
  setUpCamera(addPicture);
  byId("samples").replaceChildren(
    ...SAMPLES.map(({ id, alt }) => {
      const image = element("img", { src: samplePath(id), width: 56, height: 56, alt: "", loading: "lazy" });
      const attributes = {
        type: "button",
        "aria-label": `Sample: ${alt}`,
        "aria-pressed": "false",
        data: { sample: id },
      };
      return element("li", {}, element("button", { ...attributes, onclick: () => onSelect(id) }, image));
    }),
  );
  return addPicture;
}

function setUpDrop(onFiles) {
  const target = byId("drop");
  // Drag events of nested elements overlap; the drag has left the window when as many have left as entered.
  let entered = 0;
  const count = (step) => {
    entered = Math.max(entered + step, 0);
    target.classList.toggle("drag-over", entered > 0);
  };
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => hasFile(event) && count(1));
  window.addEventListener("dragleave", (event) => hasFile(event) && count(-1));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    count(-entered);
    onFiles(event.dataTransfer.files);
  });
}

function samplePath(id) {
  return `web/samples/${id}.jpg`;
}

/** The picture with this id; null for another user's own picture, or one of an earlier visit. */
export async function loadPicture(id, signal) {
  const sample = SAMPLES.find((sample) => sample.id === id);
  if (!sample) return ownPictures.get(id) ?? null;
  const path = samplePath(id);
  const response = await fetch(address(path), { signal });
  if (!response.ok) throw new ApiError(`The sample ${id} cannot be loaded.`);
  return { id, name: `${id}.jpg`, path, blob: await response.blob(), sample: true, alt: sample.alt };
}

/** Shows the picture, or without one a request to choose one. */
export function showPicture(picture) {
  const image = byId("picture");
  for (const button of byId("samples").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.sample === picture?.id));
  }
  image.hidden = !picture;
  byId("crop").hidden = true;
  byId("picture-hint").hidden = Boolean(picture);
  if (!picture) {
    byId("picture-hint").textContent = "The address does not contain the picture. Choose a picture for this view.";
    return;
  }
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(picture.decoded?.blob ?? picture.blob);
  image.alt = picture.alt;
}

/**
 * The picture's pixels at screen size: `{ pixels, blob, fullWidth, fullHeight }`. The server converts formats that the
 * browser cannot decode, such as TIFF.
 */
export async function decodePicture(picture, model, signal) {
  if (picture.decoded) return picture.decoded;
  let blob = picture.blob;
  let bitmap;
  try {
    bitmap = await bitmapOf(blob);
  } catch {
    // An overlay of strength 0 is the picture.
    const fields = [
      ["model", model.name],
      ["alpha", "0"],
    ];
    const { bytes } = await request("gradcam", { image: picture, fields, accept: "image/png", signal });
    blob = new Blob([bytes], { type: "image/png" });
    bitmap = await bitmapOf(blob);
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(side * scale), 1));
  // Without a white background: like the server, this drops the alpha channel.
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  picture.decoded = { pixels, blob, fullWidth: bitmap.width, fullHeight: bitmap.height };
  return picture.decoded;
}

// The stored values, like the server: the colour profile is ignored.
function bitmapOf(blob) {
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}
