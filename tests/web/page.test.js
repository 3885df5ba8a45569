// What a person sees and does first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSilent, browser, labels, server, settled, titles, useServerAndBrowser } from "./stand.js";

useServerAndBrowser();

test("a first visit paints before the models are known, shows a sample, and moves nothing meanwhile", async () => {
  let release;
  const held = new Promise((resolve) => {
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
      await held;
      await route.continue();
    });
  };
  const page = await browser.open(server.address, { prepare });
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  assert.equal(await page.locator("h1").isVisible(), true);
  assert.equal(await page.locator("#samples img").count(), 4);
  release();
  await settled(page);
  const shift = await page.evaluate(() => globalThis.shift);
  assert.ok(shift < 0.02, `layout shift ${shift}`);
  assert.deepEqual(await titles(page), [(await labels(page))[0]]);
  assertSilent(browser);
});

test("layers: the strip is the model's list, and a click shows every channel", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const model = await (await fetch(`${server.address}models/cats_and_dogs_small_1`)).json();
  assert.deepEqual(
    await page.locator("#strip .name").allTextContents(),
    model.layers.map(({ name }) => name),
  );
  assert.deepEqual(
    await page.locator("#strip .shape").allTextContents(),
    model.layers.map(({ shape }) => shape.join(" × ")),
  );
  await page.click("[data-layer=conv2d_3]");
  await page.waitForSelector("#layers h2:text('conv2d_3')");
  await settled(page);
  assert.equal(await page.locator(".tile").count(), 128);
  assert.equal(await page.locator("[data-layer=conv2d_3]").getAttribute("aria-pressed"), "true");
  await page.hover(".tile >> nth=40");
  assert.match(await page.locator("#layers > .readout").textContent(), /^channel 40: /);
  await page.selectOption("#order", "std");
  await page.waitForFunction(() => document.querySelector(".tile").dataset.channel !== "0");
  await settled(page);
  const deviations = await page
    .locator(".tile:not(.dead)")
    .evaluateAll((tiles) => tiles.map((tile) => Number(/deviation (\S+?)(,|$)/.exec(tile.ariaLabel)[1])));
  // Written with three digits, so equal ones may stand either way.
  assert.ok(
    deviations.every((value, i) => i === 0 || value <= deviations[i - 1] * 1.005),
    `${deviations}`,
  );
  assertSilent(browser);
});

test("classes: a click explains another class without a further forward pass; vs compares", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs`);
  await settled(page);
  assert.deepEqual(await titles(page), ["dog"]);
  const answer = page.waitForResponse((response) => response.url().endsWith("/gradcam"));
  await page.click("#classes .why:has-text('cat')");
  const timing = (await answer).headers()["server-timing"];
  assert.match(timing, /recall;/);
  assert.doesNotMatch(timing, /forward;/);
  await page.waitForSelector("figcaption strong:text('cat')");
  await page.click("#classes li:has-text('dog') .versus");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 2);
  assert.deepEqual(await titles(page), ["cat", "dog"]);
  // The cat lies below, the dog sits above: the maps must tell them apart.
  const words = await page.locator("figure .words").allTextContents();
  assert.match(words[0], /lies in the lower/);
  assert.match(words[1], /lies in the upper/);
  assertSilent(browser);
});

test("any class of a thousand can be named", async () => {
  const page = await browser.open(`${server.address}#model=efficientnet_lite0&picture=coffee`);
  await settled(page);
  assert.equal((await labels(page))[0], "espresso");
  assert.equal(await page.locator("#window").isVisible(), true);
  await page.fill("#other-class", "Wooden Spoon");
  await page.press("#other-class", "Enter");
  await page.waitForSelector("figcaption strong:text('wooden spoon')");
  await page.fill("#other-class", "no such thing");
  await page.press("#other-class", "Enter");
  assert.equal(await page.locator("#other-class").evaluate((field) => field.validity.valid), false);
  await page.fill("#other-class", "7");
  await page.press("#other-class", "Enter");
  await page.waitForSelector("figcaption strong:text('cock')");
  assertSilent(browser);
});

test("strength, colours and drawing change without a request", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const look = () => page.locator("figure canvas").evaluate((canvas) => canvas.toDataURL());
  const seen = new Set([await look()]);
  await page.locator("#alpha").fill("0.2");
  seen.add(await look());
  await page.selectOption("#heatcolors", "cividis");
  seen.add(await look());
  for (const words of ["heat alone", "picture in spotlight"]) {
    await page.click(`.segments >> text=${words}`);
    seen.add(await look());
  }
  assert.equal(seen.size, 5, "each looks different");
  assert.deepEqual(
    asked.filter((url) => /gradcam|activations|predict|models/.test(url)),
    [],
  );
  assertSilent(browser);
});
