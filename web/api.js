// The client of the public API: retries, the API key, server-sent events, and errors as text.

import { parseEvents } from "./event-stream.js";
import { acquireSlot } from "./request-queue.js";

/** The absolute address of `path`, relative to the page, so that the page works below a path of a reverse proxy. */
export function address(path) {
  return new URL(path, document.baseURI).href;
}

let apiKey = sessionStorage.getItem("api-key") ?? "";

/** Whether requests carry an API key. */
export function hasApiKey() {
  return apiKey !== "";
}

/** Sends `key` with every request from now on. It is kept until this browser tab is closed. */
export function setApiKey(key) {
  apiKey = key;
  sessionStorage.setItem("api-key", key);
}

/**
 * An answer other than 2xx, or none. The message is the `detail` of the problem answer, `code` its stable code, and
 * `status` the HTTP status; 0 without an answer.
 */
export class ApiError extends Error {
  constructor(detail, code = "", status = 0, requestId = "") {
    super(detail);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
  }
}

/** Codes after which a request is sent again: how many times, and the first delay in milliseconds. It doubles. */
const RETRIES = { busy: [5, 400], "too-many-connections": [5, 400], loading: [60, 1000] };
const MAX_DELAY = 4000;

/**
 * Requests `path`. With `image` it is a POST of a form with the picture and `fields`, pairs of name and value; without,
 * a GET. Returns `{ bytes, headers }`.
 *
 * @param {AbortSignal} signal cancels the request, also on the server
 * @param {(share: number | null) => void} progress gets the share of the form that is uploaded; null after the upload
 * @param {boolean} background runs only when no other request is queued
 */
export async function request(path, { background, signal, ...options } = {}) {
  return inQueue({ background, signal }, () => send(path, { accept: "application/json", signal, ...options }));
}

/** The same, with the answer parsed as JSON. */
export async function requestJson(path, options) {
  const { bytes } = await request(path, options);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * Requests `path` with server-sent events. `onEvent` gets the name of each event and its data; the last one, `result`,
 * is returned.
 */
export async function requestEvents(path, { signal, onEvent, ...options }) {
  let [result, problem] = [null, null];
  const receive = ({ name, data }) => {
    const value = JSON.parse(data);
    if (name === "result") result = value;
    else if (name === "error") problem = value;
    else onEvent(name, value);
  };
  const accept = "text/event-stream";
  await inQueue({ long: true, signal }, () => send(path, { accept, signal, receive, ...options }));
  if (problem) throw new ApiError(problem.detail, problem.code, problem.status, problem.request_id);
  if (!result) throw new ApiError("The server ended the answer early. Try again.", "unreadable");
  return result;
}

/** Waits for a slot in the queue, and repeats `attempt` after errors that pass. */
async function inQueue(slot, attempt) {
  const release = await acquireSlot(slot);
  try {
    for (let attempts = 0; ; attempts++) {
      try {
        return await attempt();
      } catch (error) {
        const [retries, firstDelay] = RETRIES[error.code] ?? [0];
        if (attempts >= retries) throw error;
        await delay(Math.min(firstDelay * 2 ** attempts, MAX_DELAY), slot.signal);
      }
    }
  } finally {
    release();
  }
}

function delay(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

// XMLHttpRequest, because fetch does not report the progress of an upload.
function send(path, { image, fields = [], accept, signal, progress, receive }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(image ? "POST" : "GET", address(path));
    // Text arrives in parts, an array of bytes only as a whole.
    xhr.responseType = receive ? "text" : "arraybuffer";
    xhr.setRequestHeader("accept", accept);
    if (apiKey) xhr.setRequestHeader("x-api-key", apiKey);
    const abort = () => xhr.abort();
    signal?.addEventListener("abort", abort);
    xhr.onloadend = () => signal?.removeEventListener("abort", abort);
    xhr.onabort = () => reject(signal?.reason ?? new DOMException("aborted", "AbortError"));
    xhr.onerror = () => reject(new ApiError("The server does not respond. Check that it is running.", "unreachable"));
    let received = 0;
    const receiveEvents = () => {
      if (!receive || xhr.status !== 200) return;
      const { events, end } = parseEvents(xhr.responseText, received);
      received = end;
      events.forEach(receive);
    };
    xhr.onprogress = receiveEvents;
    xhr.onload = () => {
      receiveEvents();
      const bytes = receive ? new TextEncoder().encode(xhr.responseText) : new Uint8Array(xhr.response);
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve({ bytes, headers: (name) => xhr.getResponseHeader(name) ?? "" });
      } else {
        reject(errorOf(xhr, bytes));
      }
    };
    if (progress) {
      xhr.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      xhr.upload.onload = () => progress(null);
    }
    xhr.send(image ? formOf(image, fields) : null);
  });
}

function formOf(image, fields) {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  form.append("image", image.blob, image.name);
  return form;
}

function errorOf(xhr, bytes) {
  try {
    const { detail, code, request_id } = JSON.parse(new TextDecoder().decode(bytes));
    if (detail) return new ApiError(detail, code, xhr.status, request_id);
  } catch {
    // Not a problem answer of convscope, but for instance an HTML page of a proxy.
  }
  return new ApiError(`The server answered ${xhr.status} ${xhr.statusText}.`, "unreadable", xhr.status);
}
