// The map of a method at every layer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoProblems, browser, chooseMethod, server, useServerAndBrowser, waitUntilIdle } from "./harness.js";

useServerAndBrowser();

const drawn = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll(".strip-list canvas.loaded").length === count, count);

test("the strip has every layer, and a click explains that layer without another request", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const model = await (await fetch(`${server.address}models/cats_and_dogs_small_1`)).json();
  const names = model.layers.filter(({ explainable }) => explainable).map(({ name }) => name);
  assert.equal(await page.locator(".strip-list li").count(), 0);
  await page.check("#all-explained");
  await drawn(page, names.length);
  assert.deepEqual(await page.locator(".strip-list .name").allTextContents(), names);
  // The maps differ from layer to layer.
  const pictures = await page
    .locator(".strip-list canvas")
    .evaluateAll((all) => all.map((canvas) => canvas.toDataURL()));
  assert.equal(new Set(pictures).size, names.length);
  assert.equal(await page.locator(".strip-list [aria-pressed=true] .name").textContent(), model.gradcam);
  const requested = [];
  page.on("request", (request) => requested.push(new URL(request.url()).pathname));
  await page.click("[data-explained-layer=conv2d_2]");
  await page.waitForSelector("figure p:has-text('from layer conv2d_2')");
  await drawn(page, names.length);
  assert.deepEqual(
    requested.filter((path) => path === "/explain"),
    [],
  );
  assert.equal(await page.locator("#explain_layer").inputValue(), "conv2d_2");
  assert.equal(await page.locator(".strip-list [aria-pressed=true] .name").textContent(), "conv2d_2");
  const hash = new URLSearchParams(new URL(page.url()).hash.slice(1));
  assert.deepEqual([hash.get("all_explained"), hash.get("explain_layer")], ["true", "conv2d_2"]);
  // The colours follow the settings.
  await page.selectOption("#explain_colormap", "gray");
  const gray = await page
    .locator(".strip-list canvas")
    .first()
    .evaluate((canvas) => canvas.toDataURL());
  assert.notEqual(gray, pictures[0]);

  // Methods of many passes, and those at the pixels, have no strip.
  assert.equal(await page.locator(".layer-strip").isVisible(), true);
  await chooseMethod(page, "saliency");
  await page.waitForSelector("canvas[aria-label^='Saliency heat map for dog. The']");
  assert.equal(await page.locator(".layer-strip").isVisible(), false);
  assertNoProblems(browser);
});
