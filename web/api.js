// The client of the public API: a queue of requests, retries, the API key, and errors as text.

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

const MAX_CONCURRENT = 2;
/** Codes after which a request is sent again: how many times, and the first delay in milliseconds. It doubles. */
const RETRIES = { busy: [5, 400], "too-many-connections": [5, 400], loading: [60, 1000] };
const MAX_DELAY = 4000;
const queue = [];
let running = 0;

/**
 * Requests `path`. With `image` it is a POST of a form with the picture and `fields`, pairs of name and value; without,
 * a GET. Returns `{ bytes, headers }`.
 *
 * @param {AbortSignal} signal cancels the request, also on the server
 * @param {(share: number | null) => void} progress gets the share of the form that is uploaded; null after the upload
 * @param {boolean} background runs only when no other request is queued
 */
export async function request(
  path,
  { image, fields = [], accept = "application/json", signal, progress, background } = {},
) {
  await acquireSlot(background, signal);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        return await send(path, { image, fields, accept, signal, progress });
      } catch (error) {
        const [retries, firstDelay] = RETRIES[error.code] ?? [0];
        if (attempt >= retries) throw error;
        await delay(Math.min(firstDelay * 2 ** attempt, MAX_DELAY), signal);
      }
    }
  } finally {
    running--;
    startNext();
  }
}

/** The same, with the answer parsed as JSON. */
export async function requestJson(path, options) {
  const { bytes } = await request(path, options);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Resolves when the request may start. */
function acquireSlot(background, signal) {
  return new Promise((resolve, reject) => {
    const entry = { background, resolve };
    signal?.addEventListener("abort", () => {
      const index = queue.indexOf(entry);
      if (index >= 0) queue.splice(index, 1);
      reject(signal.reason);
    });
    if (signal?.aborted) return reject(signal.reason);
    queue.push(entry);
    startNext();
  });
}

function startNext() {
  if (running >= MAX_CONCURRENT || queue.length === 0) return;
  const foreground = queue.findIndex((entry) => !entry.background);
  // A background request leaves one slot free for the next click.
  if (foreground < 0 && running > 0) return;
  const [entry] = queue.splice(Math.max(foreground, 0), 1);
  running++;
  entry.resolve();
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
function send(path, { image, fields, accept, signal, progress }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(image ? "POST" : "GET", address(path));
    xhr.responseType = "arraybuffer";
    xhr.setRequestHeader("accept", accept);
    if (apiKey) xhr.setRequestHeader("x-api-key", apiKey);
    const abort = () => xhr.abort();
    signal?.addEventListener("abort", abort);
    xhr.onloadend = () => signal?.removeEventListener("abort", abort);
    xhr.onabort = () => reject(signal?.reason ?? new DOMException("aborted", "AbortError"));
    xhr.onerror = () => reject(new ApiError("The server does not respond. Check that it is running.", "unreachable"));
    xhr.onload = () => {
      const bytes = new Uint8Array(xhr.response);
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
