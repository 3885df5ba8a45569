// The progress of an upload and of the computation after it.

import { byId } from "./dom.js";

/** Milliseconds until it is shown; shorter waits need no progress bar. */
const DELAY = 250;

/**
 * Shows the progress bar soon, unless `isDone()`. The returned function takes the share of the upload that is done, and
 * null once the server computes.
 */
export function createProgress(signal, isDone) {
  const box = byId("progress");
  const [bar, text] = box.children;
  const timer = setTimeout(() => {
    box.hidden = signal.aborted || isDone();
  }, DELAY);
  signal.addEventListener("abort", () => clearTimeout(timer));
  text.textContent = "Uploading …";
  return (share) => {
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    text.textContent = share === null ? "Computing …" : `Uploading, ${Math.round(share * 100)} %`;
  };
}
