// The public API. Two requests at a time, what the reader waits for first; the rest of the page never sees a status code.

/** Addresses relative to the page, so that it works below a path of a proxy. */
export function address(path) {
  return new URL(path, document.baseURI).href;
}

let key = sessionStorage.getItem("key") ?? "";

/** Whether a key is sent. */
export function hasKey() {
  return key !== "";
}

/** Sends `given` with every request, while this tab is open. */
export function useKey(given) {
  key = given;
  sessionStorage.setItem("key", given);
}

/** What went wrong, in words for the reader: the `detail` of a problem answer. */
export class Problem extends Error {
  constructor(detail, code = "", requestId = "") {
    super(detail);
    this.code = code;
    this.requestId = requestId;
  }
}

const AT_A_TIME = 2;
/** What passes by itself: how often it is asked again, and after how many milliseconds first. */
const PASSING = { busy: [5, 400], "too-many-connections": [5, 400], loading: [60, 1000] };
/** The longest pause. */
const PATIENCE = 4000;
const waiting = [];
let running = 0;

/**
 * Asks `path`. With `image` it is a form with the picture and `fields`, pairs of name and value. Gives `{ bytes,
 * headers }`.
 *
 * @param {AbortSignal} signal ends it, also at the server
 * @param {(share: number | null) => void} progress share of the picture sent; null once the network works
 * @param {boolean} patient may wait for all others
 */
export async function ask(path, { image, fields = [], accept = "application/json", signal, progress, patient } = {}) {
  await turn(patient, signal);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        return await send(path, { image, fields, accept, signal, progress });
      } catch (problem) {
        const [times, first] = PASSING[problem.code] ?? [0];
        if (attempt >= times) throw problem;
        await pause(Math.min(first * 2 ** attempt, PATIENCE), signal);
      }
    }
  } finally {
    running--;
    next();
  }
}

/** The same, read as JSON. */
export async function askJson(path, options) {
  const { bytes } = await ask(path, options);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Resolves when there is a place. */
function turn(patient, signal) {
  return new Promise((resolve, reject) => {
    const entry = { patient, resolve };
    signal?.addEventListener("abort", () => {
      const place = waiting.indexOf(entry);
      if (place >= 0) waiting.splice(place, 1);
      reject(signal.reason);
    });
    if (signal?.aborted) return reject(signal.reason);
    waiting.push(entry);
    next();
  });
}

function next() {
  if (running >= AT_A_TIME || waiting.length === 0) return;
  const place = waiting.findIndex((entry) => !entry.patient);
  // One place is always left for what the reader asks next.
  if (place < 0 && running > 0) return;
  const [entry] = waiting.splice(Math.max(place, 0), 1);
  running++;
  entry.resolve();
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

// XMLHttpRequest, since fetch does not tell how much of a picture has been sent.
function send(path, { image, fields, accept, signal, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(image ? "POST" : "GET", address(path));
    request.responseType = "arraybuffer";
    request.setRequestHeader("accept", accept);
    if (key) request.setRequestHeader("x-api-key", key);
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop);
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    request.onabort = () => reject(signal?.reason ?? new DOMException("stopped", "AbortError"));
    request.onerror = () => reject(new Problem("The server does not answer. Is it still running?", "unreachable"));
    request.onload = () => {
      const bytes = new Uint8Array(request.response);
      if (request.status >= 200 && request.status < 300) {
        resolve({ bytes, headers: (name) => request.getResponseHeader(name) ?? "" });
      } else {
        reject(problemOf(request, bytes));
      }
    };
    if (progress) {
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      request.upload.onload = () => progress(null);
    }
    request.send(image ? formOf(image, fields) : null);
  });
}

function formOf(image, fields) {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  form.append("image", image.blob, image.name);
  return form;
}

function problemOf(request, bytes) {
  try {
    const { detail, code, request_id } = JSON.parse(new TextDecoder().decode(bytes));
    if (detail) return new Problem(detail, code, request_id);
  } catch {
    // Not ours: a proxy's.
  }
  return new Problem(`The server answered ${request.status} ${request.statusText}.`, "unreadable");
}
