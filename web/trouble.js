// What went wrong, in words, and what can be done.

import { Problem, useKey } from "./api.js";
import { byId } from "./dom.js";

/** Shows `error`; `again` is what failed. */
export function showTrouble(error, again) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Problem)) console.error(error);
  const words = byId("trouble").querySelector("p");
  words.textContent = sentence(error.message);
  words.title = error.requestId ? `request ${error.requestId}` : "";
  const needsKey = error.code === "unauthorized";
  byId("key-form").hidden = !needsKey;
  byId("again").hidden = needsKey;
  byId("again").onclick = again;
  byId("trouble").hidden = false;
  byId("classes").setAttribute("aria-busy", "false");
}

/** Nothing is wrong any more. */
export function hideTrouble() {
  byId("trouble").hidden = true;
}

function sentence(text) {
  const capital = text.replace(/^./, (first) => first.toUpperCase());
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** The field for a server's key; `again` is called with it set. */
export function setUpKey(again) {
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(byId("key").value.trim());
    byId("key").value = "";
    again();
  });
}
