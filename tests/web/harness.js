// Starts a convscope server with all bundled models, and a browser whose pages record each error, warning and request
// to another host.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
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

/** Stops what a test file started, in its `after` hook; a failed test may not have stopped it. */
const running = [];

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
      if (server.exitCode !== null || server.signalCode !== null) return resolve();
      server.once("exit", resolve);
      server.kill();
    });
  running.push(stop);
  return { address, stop };
}

/**
 * Starts a proxy in front of the server at `target`; returns its address. `intercept` gets `{ method, path, headers,
 * body }` and returns the answer `{ status, headers, body }`, or nothing to forward the request. It may wait.
 */
export async function startProxy(target, intercept) {
  const proxy = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray());
    const { method, url: path, headers } = incoming;
    const answer =
      (await intercept({ method, path, headers, body })) ?? (await forward(target, method, path, headers, body));
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.end(answer.body);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  running.push(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${proxy.address().port}/`;
}

async function forward(target, method, path, { host, connection, "content-length": length, ...headers }, body) {
  const answer = await fetch(new URL(path, target), { method, headers, body: method === "POST" ? body : undefined });
  const kept = [...answer.headers].filter(([name]) => name !== "transfer-encoding");
  return { status: answer.status, headers: Object.fromEntries(kept), body: Buffer.from(await answer.arrayBuffer()) };
}

/** Starts Chromium with a new profile; `{ open, stop, problems }`. */
export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const problems = [];
  /**
   * Opens a page in a context of its own. `allow` matches expected console messages; `hosts` are further addresses that
   * the page may request; `prepare(page)` runs before the page loads. Other options are Playwright's.
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
    await Promise.all(running.map((stop) => stop()));
  });
}

/** Waits until the result is on screen and no request is pending. */
export async function waitUntilIdle(page) {
  await page.waitForFunction(() => {
    const isBusy = document.querySelector("[aria-busy=true]") !== null;
    const isLoading = document.querySelector("canvas.thumbnail:not(.loaded), .strip-list canvas:not(.loaded)") !== null;
    return !isBusy && !isLoading && !document.getElementById("export").hidden;
  });
}

/** Waits until the picture with this alternative text is shown. */
export function waitForPicture(page, alt) {
  return page.waitForFunction((alt) => document.querySelector("#picture").alt === alt, alt);
}

/** Chooses a method in the dialog; with `beside` it is added to the others. */
export async function chooseMethod(page, name, { beside = false } = {}) {
  await page.click("#method");
  await page.click(`#methods [data-method="${name}"] .${beside ? "add" : "choose"}-method`);
  if (beside) await page.click("#methods >> text=Close");
  await page.waitForFunction(() => !document.getElementById("methods").open);
}

/** Parameters with which each method takes few passes; the pairs that `method` has. */
export function fewPasses({ parameters }) {
  const few = {
    steps: "2",
    max_steps: "2",
    samples: "2",
    masks: "16",
    window: "75",
    stride: "75",
    grid: "2",
    channels: "4",
  };
  return Object.entries(few).filter(([name]) => parameters.some((parameter) => parameter.name === name));
}

/** The labels in the list of predictions. */
export const predictedLabels = (page) => page.locator("#class-list .label").allTextContents();
/** The labels above the heat maps. */
export const explainedLabels = (page) => page.locator("figcaption strong").allTextContents();

/** Fails if a page recorded a problem. */
export function assertNoProblems({ problems }) {
  assert.deepEqual(problems.splice(0), []);
}
