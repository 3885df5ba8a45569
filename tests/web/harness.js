// Starts a convscope server with all bundled models, and a browser whose pages record each error, warning and request to
// another host.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The folder of the project. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export const CAT = join(ROOT, "docs/photos/cat.png");
export const CAT_AND_DOG = join(ROOT, "docs/photos/cat_and_dog.png");

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

/** Starts `convscope serve` on a free port, or uses the server at `CONVSCOPE_ADDRESS`; `{ address, stop }`. */
export async function startServer(...flags) {
  if (process.env.CONVSCOPE_ADDRESS) return { address: process.env.CONVSCOPE_ADDRESS, stop() {} };
  const models = join(ROOT, "models");
  const binary = process.env.CONVSCOPE_BINARY ?? join(ROOT, "target", "release", "convscope");
  const server = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--models", models, "--log-json", ...flags]);
  const log = createInterface({ input: server.stderr });
  const address = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server exited with code ${code}`)));
    log.on("line", (line) => {
      const match = /127\.0\.0\.1:\d+/.exec(line);
      if (match) resolve(`http://${match[0]}/`);
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

/** Starts Chromium with a new profile; `{ open, stop, problems }`. */
export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const problems = [];
  /**
   * Opens a page in a context of its own. `allow` matches expected console messages; `hosts` are further addresses that the
   * page may request; `prepare(page)` runs before the page loads. Other options are Playwright's.
   */
  const open = async (address, { allow, prepare, hosts = [], ...options } = {}) => {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 950 },
      colorScheme: "dark",
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (message) => {
      const text = message.text();
      if (["error", "warning"].includes(message.type()) && !allow?.test(text)) problems.push(text);
    });
    page.on("pageerror", (error) => problems.push(error.stack));
    page.on("request", (request) => {
      const url = request.url();
      const isExpected =
        /^(blob|data):/.test(url) || [new URL(address).origin, ...hosts].some((host) => url.startsWith(host));
      if (!isExpected) problems.push(`requested ${url}`);
    });
    await prepare?.(page);
    await page.goto(address);
    return page;
  };
  return { open, stop: () => browser.close(), problems };
}

/** The server and the browser of a test file that calls {@link useServerAndBrowser}. */
export let server, browser;

/** Starts both before the tests of a file, and stops them afterwards. */
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

/** Waits until the result is on screen and no request is pending. */
export async function waitUntilIdle(page) {
  await page.waitForFunction(() => {
    const isBusy = document.querySelector("[aria-busy=true]") !== null;
    const isLoading = document.querySelector("canvas.thumbnail:not(.loaded)") !== null;
    return !isBusy && !isLoading && !document.getElementById("export").hidden;
  });
}

/** Waits until the picture with this alternative text is shown. */
export function waitForPicture(page, alt) {
  return page.waitForFunction((alt) => document.querySelector("#picture").alt === alt, alt);
}

/** The labels in the list of predictions. */
export const predictedLabels = (page) => page.locator("#class-list .label").allTextContents();
/** The labels above the heat maps. */
export const explainedLabels = (page) => page.locator("figcaption strong").allTextContents();

/** Fails if a page recorded a problem. */
export function assertNoProblems({ problems }) {
  assert.deepEqual(problems.splice(0), []);
}
