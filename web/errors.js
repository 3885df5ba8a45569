// The error message, with a retry button or a field for the API key.

import { ApiError, setApiKey } from "./api.js";
import { byId } from "./dom.js";

/** Shows `error`; `retry` repeats what failed. */
export function showError(error, retry) {
  if (error.name === "AbortError") return;
  if (!(error instanceof ApiError)) console.error(error);
  const message = byId("error").querySelector("p");
  message.textContent = asSentence(error.message);
  message.title = error.requestId ? `request ${error.requestId}` : "";
  const isUnauthorized = error.code === "unauthorized";
  byId("api-key-form").hidden = !isUnauthorized;
  byId("retry").hidden = isUnauthorized;
  byId("retry").onclick = retry;
  byId("error").hidden = false;
  byId("class-list").setAttribute("aria-busy", "false");
}

/** Removes the message. */
export function hideError() {
  byId("error").hidden = true;
}

/** `text` with a capital letter and a full stop. */
export function asSentence(text) {
  const capitalized = text.replace(/^./, (first) => first.toUpperCase());
  return /[.!?]$/.test(capitalized) ? capitalized : `${capitalized}.`;
}

/** Sets up the field for the API key; `retry` is called once the key is set. */
export function setUpApiKey(retry) {
  byId("api-key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setApiKey(byId("api-key").value.trim());
    byId("api-key").value = "";
    retry();
  });
}
