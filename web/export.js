// The view as a curl command, and as a PNG to download.

import { request } from "./api.js";
import { announce, byId } from "./dom.js";
import { showError } from "./errors.js";
import { curlCommand, safeFileName } from "./requests.js";

/** Sets up the buttons; `currentView` returns `{ request, picture }` of what is on screen. */
export function setUpExport(currentView) {
  byId("copy").addEventListener("click", copy);
  byId("download").addEventListener("click", () => download(currentView));
}

/** Shows the command for a request. */
export function showCommand(request, picture) {
  byId("export").hidden = false;
  byId("curl").textContent = curlCommand(request, picture);
}

async function copy() {
  await navigator.clipboard.writeText(byId("curl").textContent);
  byId("copy").textContent = "Copied";
  announce("The command is copied to the clipboard.");
  setTimeout(() => {
    byId("copy").textContent = "Copy";
  }, 1500);
}

async function download(currentView) {
  const {
    request: { path, fields, file },
    picture,
  } = currentView();
  try {
    const { bytes } = await request(path, { image: picture, fields, accept: "image/png" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    link.download = safeFileName(file);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    showError(error, () => download(currentView));
  }
}
