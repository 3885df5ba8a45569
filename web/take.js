// What to take away: the command for what is on screen, and its picture.

import { ask } from "./api.js";
import { announce, byId } from "./dom.js";
import { curl, safe } from "./requests.js";
import { showTrouble } from "./trouble.js";

/** Sets up the buttons; `shown` gives `{ request, picture }` of what is on screen. */
export function setUpTake(shown) {
  byId("copy").addEventListener("click", copy);
  byId("download").addEventListener("click", () => download(shown));
}

/** Shows the command for `request`. */
export function showTake(request, picture) {
  byId("take").hidden = false;
  byId("curl").textContent = curl(request, picture);
}

async function copy() {
  await navigator.clipboard.writeText(byId("curl").textContent);
  byId("copy").textContent = "Copied";
  announce("The command is in the clipboard.");
  setTimeout(() => {
    byId("copy").textContent = "Copy";
  }, 1500);
}

async function download(shown) {
  const { request, picture } = shown();
  const { path, fields, file } = request;
  try {
    const { bytes } = await ask(path, { image: picture, fields, accept: "image/png" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    link.download = safe(file);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    showTrouble(error, () => download(shown));
  }
}
