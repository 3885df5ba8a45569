// The first visit, the layer list, the predictions, and the heat map settings.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertNoProblems,
  browser,
  explainedLabels,
  predictedLabels,
  server,
  useServerAndBrowser,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

test("a first visit renders before the models arrive, explains a sample, and has no layout shift", async () => {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const prepare = async (page) => {
    await page.addInitScript(() => {
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.route("**/models", async (route) => {
      await released;
      await route.continue();
    });
  };
  const page = await browser.open(server.address, { prepare });
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  assert.equal(await page.locator("h1").isVisible(), true);
  assert.equal(await page.locator("#samples img").count(), 4);
  release();
  await waitUntilIdle(page);
  const shift = await page.evaluate(() => globalThis.shift);
  assert.ok(shift < 0.02, `layout shift ${shift}`);
  assert.deepEqual(await explainedLabels(page), [(await predictedLabels(page))[0]]);
  assertNoProblems(browser);
});

test("the layer list is the model's, and a click shows every channel", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const model = await (await fetch(`${server.address}models/cats_and_dogs_small_1`)).json();
  assert.deepEqual(
    await page.locator("#layer-list .name").allTextContents(),
    model.layers.map(({ name }) => name),
  );
  assert.deepEqual(
    await page.locator("#layer-list .shape").allTextContents(),
    model.layers.map(({ shape }) => shape.join(" × ")),
  );
  await page.click("[data-layer=conv2d_3]");
  await page.waitForSelector("#activations h2:text('conv2d_3')");
  await waitUntilIdle(page);
  assert.equal(await page.locator(".tile").count(), 128);
  assert.equal(await page.locator("[data-layer=conv2d_3]").getAttribute("aria-pressed"), "true");
  await page.hover(".tile >> nth=40");
  assert.match(await page.locator("#activations > .readout").textContent(), /^channel 40: /);
  await page.selectOption("#order", "std");
  await page.waitForFunction(() => document.querySelector(".tile").dataset.channel !== "0");
  await waitUntilIdle(page);
  const deviations = await page
    .locator(".tile:not(.dead)")
    .evaluateAll((tiles) => tiles.map((tile) => Number(/std (\S+?)(,|$)/.exec(tile.ariaLabel)[1])));
  // The text has three digits, so nearly equal ones may be in either order.
  assert.ok(
    deviations.every((value, i) => i === 0 || value <= deviations[i - 1] * 1.005),
    `${deviations}`,
  );
  assertNoProblems(browser);
});

test("a click explains another class without a forward pass, and vs compares two", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs`);
  await waitUntilIdle(page);
  assert.deepEqual(await explainedLabels(page), ["dog"]);
  const answer = page.waitForResponse((response) => response.url().endsWith("/explain"));
  await page.click("#class-list .class-button:has-text('cat')");
  const timing = (await answer).headers()["server-timing"];
  assert.match(timing, /cache;/);
  assert.doesNotMatch(timing, /forward;/);
  await page.waitForSelector("figcaption strong:text('cat')");
  await page.click("#class-list li:has-text('dog') .compare-button");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 2);
  assert.deepEqual(await explainedLabels(page), ["cat", "dog"]);
  // The cat is in the lower half of the picture, the dog in the upper.
  const texts = await page.locator("figure .muted").allTextContents();
  assert.match(texts[0], /is in the lower/);
  assert.match(texts[1], /is in the upper/);
  assertNoProblems(browser);
});

test("any of a thousand classes can be explained, by label or index", async () => {
  const page = await browser.open(`${server.address}#model=efficientnet_lite0&picture=coffee`);
  await waitUntilIdle(page);
  assert.equal((await predictedLabels(page))[0], "espresso");
  assert.equal(await page.locator("#crop").isVisible(), true);
  await page.fill("#other-class", "Wooden Spoon");
  await page.press("#other-class", "Enter");
  await page.waitForSelector("figcaption strong:text('wooden spoon')");
  await page.fill("#other-class", "no such thing");
  await page.press("#other-class", "Enter");
  assert.equal(await page.locator("#other-class").evaluate((field) => field.validity.valid), false);
  await page.fill("#other-class", "7");
  await page.press("#other-class", "Enter");
  await page.waitForSelector("figcaption strong:text('cock')");
  assertNoProblems(browser);
});

test("alpha, colour map and view change without a request", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const requested = [];
  page.on("request", (request) => requested.push(request.url()));
  const drawing = () => page.locator("figure canvas").evaluate((canvas) => canvas.toDataURL());
  const drawings = new Set([await drawing()]);
  await page.locator("#alpha").fill("0.2");
  drawings.add(await drawing());
  await page.selectOption("#explain_colormap", "cividis");
  drawings.add(await drawing());
  for (const view of ["heat map", "mask"]) {
    await page.click(`.segmented >> text=${view}`);
    drawings.add(await drawing());
  }
  assert.equal(drawings.size, 5, "five different drawings");
  assert.deepEqual(
    requested.filter((url) => /explain|methods|activations|predict|models/.test(url)),
    [],
  );
  assertNoProblems(browser);
});
