// What is waited for, and what goes wrong.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { CAT, assertSilent, browser, server, settled, useServerAndBrowser } from "./stand.js";

useServerAndBrowser();

test("errors are told in the server's words, and the next picture clears them", async () => {
  const page = await browser.open(server.address, { allow: /415|Failed to load resource/ });
  await settled(page);
  await page.setInputFiles("#file", {
    name: "poem.png",
    mimeType: "image/png",
    buffer: Buffer.from("<svg>no picture</svg>"),
  });
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.locator("#trouble p").textContent(), /SVG; send PNG, JPEG, WebP, GIF, BMP or TIFF\.$/);
  assert.equal(await page.locator("#trouble").getAttribute("role"), "alert");
  await page.setInputFiles("#file", CAT);
  await settled(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);

  await page.route("**/gradcam", (route) => route.abort());
  await page.click("#classes .why:has-text('dog')");
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.locator("#trouble p").textContent(), /does not answer/);
  await page.unroute("**/gradcam");
  await page.click("#again");
  await page.waitForSelector("figcaption strong:text('dog')");
  assert.equal(await page.locator("#trouble").isVisible(), false);
  assertSilent(browser);
});

test("a busy server is asked again", async () => {
  const page = await browser.open(server.address, { allow: /503/ });
  await settled(page);
  let refusals = 2;
  await page.route("**/gradcam", (route) =>
    refusals-- > 0
      ? route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          body: JSON.stringify({ code: "busy", detail: "all are at work" }),
        })
      : route.continue(),
  );
  await page.click("#classes .why:has-text('cat')");
  await page.waitForSelector("figcaption strong:text('cat')");
  assert.equal(refusals, -1);
  assertSilent(browser);
});

test("what is waited for is said: the upload, then the network", async () => {
  // Two seconds behind the real one.
  const late = createServer(async (asked, answer) => {
    const body = Buffer.concat(await asked.toArray());
    if (asked.url === "/predict") await new Promise((resolve) => setTimeout(resolve, 2000));
    const {
      method,
      headers: { host, connection, "content-length": length, ...headers },
    } = asked;
    const real = await fetch(new URL(asked.url, server.address), {
      method,
      headers,
      body: method === "POST" ? body : undefined,
    });
    answer.writeHead(
      real.status,
      Object.fromEntries([...real.headers].filter(([name]) => name !== "transfer-encoding")),
    );
    answer.end(Buffer.from(await real.arrayBuffer()));
  });
  await new Promise((resolve) => late.listen(0, "127.0.0.1", resolve));
  const page = await browser.open(`http://127.0.0.1:${late.address().port}/`);
  await page.waitForSelector("#sending:has-text('The network looks …')");
  await settled(page);
  assert.equal(await page.locator("#sending").isVisible(), false);

  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  await page.route("**/predict", async (route) => {
    await held;
    await route.continue();
  });
  await page.setInputFiles("#file", CAT);
  await page.waitForSelector("#sending:has-text('Sending')");
  release();
  await settled(page);
  await page.context().close();
  late.close();
  assertSilent(browser);
});

test("a server that wants a key is given one, and the command names no key", async () => {
  const prepare = (page) =>
    page.route(/\/(models|predict|gradcam|activations)/, (route) => {
      const isKnown = route.request().headers()["x-api-key"] === "open sesame";
      const problem = { code: "unauthorized", detail: "this server wants a key" };
      return isKnown
        ? route.continue()
        : route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify(problem) });
    });
  const page = await browser.open(server.address, { prepare, allow: /401/ });
  await page.waitForSelector("#trouble:has-text('This server wants a key.')");
  await page.fill("#key", "open sesame");
  await page.press("#key", "Enter");
  await settled(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  const command = await page.locator("#curl").textContent();
  assert.match(command, /-H "x-api-key: \$API_KEY"/);
  assert.doesNotMatch(command, /sesame/);
  assertSilent(browser);
});
