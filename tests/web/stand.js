// A convscope of its own with all bundled models, a browser, and pages that tell every complaint.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The project's folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** A cat, and a dog with a cat. */
export const CAT = join(ROOT, "docs/photos/cat.png");
export const BOTH = join(ROOT, "docs/photos/cat_and_dog.png");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Starts `convscope serve` on a free port, or takes the one at `CONVSCOPE_ADDRESS`; `{ address, stop }`. */
export async function startServer(...flags) {
  if (process.env.CONVSCOPE_ADDRESS) return { address: process.env.CONVSCOPE_ADDRESS, stop() {} };
  const models = join(ROOT, "models");
  const binary = process.env.CONVSCOPE_BINARY ?? join(ROOT, "target", "release", "convscope");
  const server = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--models", models, "--log-json", ...flags]);
  const lines = createInterface({ input: server.stderr });
  const address = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    lines.on("line", (line) => {
      const found = /127\.0\.0\.1:\d+/.exec(line);
      if (found) resolve(`http://${found[0]}/`);
    });
  });
  while (!(await fetch(`${address}readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  const stop = () =>
    new Promise((resolve) => {
      server.once("exit", resolve);
      server.kill();
    });
  return { address, stop };
}

/** Starts Chromium, which Playwright gives a new profile; `{ open, stop, complaints }`. */
export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const complaints = [];
  /**
   * A page in a context of its own. `allow` is what the console may say, `calls` the addresses that it may call beside its
   * own; `prepare` gets the page before it loads.
   */
  const open = async (address, { allow, prepare, calls = [], ...options } = {}) => {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 950 },
      colorScheme: "dark",
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (message) => {
      const text = message.text();
      if (["error", "warning"].includes(message.type()) && !allow?.test(text)) complaints.push(text);
    });
    page.on("pageerror", (error) => complaints.push(error.stack));
    page.on("request", (request) => {
      const url = request.url();
      const isExpected =
        /^(blob|data):/.test(url) || [new URL(address).origin, ...calls].some((one) => url.startsWith(one));
      if (!isExpected) complaints.push(`called ${url}`);
    });
    await prepare?.(page);
    await page.goto(address);
    return page;
  };
  return { open, stop: () => browser.close(), complaints };
}

/** What most files of tests have: a server and a browser, from {@link useServerAndBrowser} on. */
export let server, browser;

/** Starts both before a file's tests, and stops them after. */
export function useServerAndBrowser() {
  before(async () => {
    server = await startServer();
    browser = await startBrowser();
  });
  after(async () => {
    await browser.stop();
    await server.stop();
  });
}

/** Waits until nothing is asked any more and the result is on screen. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const isBusy = document.querySelector("[aria-busy=true]") !== null;
    const isUndrawn = document.querySelector("canvas.sheet:not(.drawn)") !== null;
    return !isBusy && !isUndrawn && !document.getElementById("take").hidden;
  });
}

/** The labels in the list of classes, and those above the heat maps. */
export const labels = (page) => page.locator("#classes .label").allTextContents();
export const titles = (page) => page.locator("figcaption strong").allTextContents();

/** Fails with what the pages complained about. */
export function assertSilent({ complaints }) {
  assert.deepEqual(complaints.splice(0), []);
}

/** Readies a page for comparisons: gives it the picture's file and what reads pixels. */
export async function prepareComparison(page, file) {
  await page.evaluate(
    (bytes) => {
      const picture = new Blob([new Uint8Array(bytes)]);
      // A copy, so that reading back does not slow down the canvas itself.
      const read = (drawable) => {
        const { width, height } = drawable;
        const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
        context.drawImage(drawable, 0, 0);
        return context.getImageData(0, 0, width, height);
      };
      globalThis.shown = (selector, place) => read(document.querySelectorAll(selector)[place]);
      globalThis.drawn = async (path, fields) => {
        const body = new FormData();
        for (const [name, value] of fields) body.append(name, value);
        body.append("image", picture, "picture");
        const answer = await fetch(path, { method: "POST", body, headers: { accept: "image/png" } });
        if (!answer.ok) throw new Error(await answer.text());
        return read(await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" }));
      };
    },
    [...file],
  );
}

/** The pixels of the canvas at `selector`: `{ width, height, data }`. */
export function pixelsOf(page, selector, place = 0) {
  return page.evaluate(
    ([selector, place]) => {
      const { width, height, data } = globalThis.shown(selector, place);
      return { width, height, data: [...data] };
    },
    [selector, place],
  );
}

/** The pixels of what the API answers to a form with the picture, decoded by the browser. */
export function drawnByServer(page, path, fields) {
  return page.evaluate(
    async ([path, fields]) => {
      const { width, height, data } = await globalThis.drawn(path, fields);
      return { width, height, data: [...data] };
    },
    [path, fields],
  );
}

/** How a canvas differs from the API's answer: the largest difference of a value, and the share that differs by more than 1. */
export function comparedToServer(page, selector, path, fields) {
  return page.evaluate(
    async ([selector, path, fields]) => {
      const [a, b] = [globalThis.shown(selector, 0), await globalThis.drawn(path, fields)];
      if (a.width !== b.width || a.height !== b.height) return { largest: Infinity, share: 1 };
      const off = a.data.map((value, i) => Math.abs(value - b.data[i]));
      const largest = off.reduce((one, other) => Math.max(one, other), 0);
      return { largest, share: off.filter((by) => by > 1).length / off.length };
    },
    [selector, path, fields],
  );
}

/** The largest difference of any value of any pixel. */
export function difference(a, b) {
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b.data[i])), 0);
}
