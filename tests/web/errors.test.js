// Errors, retries, progress, and the API key.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CAT,
  assertNoProblems,
  browser,
  server,
  startProxy,
  startServer,
  useServerAndBrowser,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

test("an error shows the server's text, and the next picture clears it", async () => {
  const page = await browser.open(server.address, { allow: /415|Failed to load resource/ });
  await waitUntilIdle(page);
  await page.setInputFiles("#file", {
    name: "poem.png",
    mimeType: "image/png",
    buffer: Buffer.from("<svg>no picture</svg>"),
  });
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.locator("#error p").textContent(), /SVG; send PNG, JPEG, WebP, GIF, BMP or TIFF\.$/);
  assert.equal(await page.locator("#error").getAttribute("role"), "alert");
  await page.setInputFiles("#file", CAT);
  await waitUntilIdle(page);
  assert.equal(await page.locator("#error").isVisible(), false);

  await page.route("**/explain", (route) => route.abort());
  await page.click("#class-list .class-button:has-text('dog')");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.locator("#error p").textContent(), /does not respond/);
  await page.unroute("**/explain");
  await page.click("#retry");
  await page.waitForSelector("figcaption strong:text('dog')");
  assert.equal(await page.locator("#error").isVisible(), false);
  assertNoProblems(browser);
});

test("a request is sent again when the queue is full", async () => {
  const page = await browser.open(server.address, { allow: /503/ });
  await waitUntilIdle(page);
  let refusals = 2;
  await page.route("**/explain", (route) =>
    refusals-- > 0
      ? route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          body: JSON.stringify({ code: "busy", detail: "the queue is full" }),
        })
      : route.continue(),
  );
  await page.click("#class-list .class-button:has-text('cat')");
  await page.waitForSelector("figcaption strong:text('cat')");
  assert.equal(refusals, -1);
  assertNoProblems(browser);
});

test("the progress is shown: the upload, then the computation", async () => {
  const proxy = await startProxy(server.address, async ({ path }) => {
    if (path === "/predict") await new Promise((resolve) => setTimeout(resolve, 2000));
  });
  const page = await browser.open(proxy);
  await page.waitForSelector("#progress:has-text('Computing …')");
  await waitUntilIdle(page);
  assert.equal(await page.locator("#progress").isVisible(), false);

  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route("**/predict", async (route) => {
    await released;
    await route.continue();
  });
  await page.setInputFiles("#file", CAT);
  await page.waitForSelector("#progress:has-text('Uploading')");
  release();
  await waitUntilIdle(page);
  assertNoProblems(browser);
});

test("a server with API keys: the page asks for one, and the curl command does not contain it", async () => {
  const key = "0123456789abcdef";
  const closed = await startServer("--api-keys", key);
  const page = await browser.open(closed.address, { allow: /401/ });
  await page.waitForSelector("#api-key-form:not([hidden])");
  assert.match(await page.locator("#error p").textContent(), /key/);
  assert.equal(await page.locator("#retry").isVisible(), false);
  for (const given of ["wrong", key]) {
    const answer = page.waitForResponse((response) => response.url().endsWith("/models"));
    await page.fill("#api-key", given);
    await page.press("#api-key", "Enter");
    assert.equal((await answer).status(), given === key ? 200 : 401);
  }
  await waitUntilIdle(page);
  assert.equal(await page.locator("#error").isVisible(), false);
  const command = await page.locator("#curl").textContent();
  assert.match(command, /-H "x-api-key: \$API_KEY"/);
  assert.doesNotMatch(command, /0123456789abcdef/);
  assertNoProblems(browser);
});
