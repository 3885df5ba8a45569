// The attention of a vision transformer, head by head, for a patch that is chosen on the picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoProblems, browser, server, useServerAndBrowser, waitUntilIdle } from "./harness.js";

useServerAndBrowser();

const MODEL = "model=vit_cats_dogs&tab=activations";

async function attentions() {
  const answer = await fetch(`${server.address}models/vit_cats_dogs`);
  return (await answer.json()).attentions;
}

/** The statistics of each head. */
async function tiles(page) {
  return page.locator(".tile").evaluateAll((all) => all.map((tile) => tile.ariaLabel));
}

test("a click on a patch shows what it reads, one tile for each head", async () => {
  const [first] = await attentions();
  const page = await browser.open(`${server.address}#${MODEL}`);
  await waitUntilIdle(page);
  await page.click(`[data-layer="${first.name}"]`);
  await page.waitForSelector(".query-plot");
  await waitUntilIdle(page);
  assert.equal(await page.locator(".tile").count(), first.heads);
  assert.equal(await page.locator(".query-cell").isVisible(), false);
  assert.equal(await page.locator("button:text('Class token')").getAttribute("aria-pressed"), "true");
  const { x, y, width, height } = await page.locator(".query-plot").boundingBox();
  const before = await tiles(page);
  await page.mouse.click(x + (5.5 / 14) * width, y + (3.5 / 14) * height);
  await page.waitForFunction(() => location.hash.includes("query=3%2C5"));
  await waitUntilIdle(page);
  // Another patch reads others.
  assert.notDeepEqual(await tiles(page), before);
  assert.match(await page.locator("#curl").textContent(), /query=3,5/);
  const cell = await page.locator(".query-cell").boundingBox();
  assert.ok(Math.abs(cell.x - (x + (5 / 14) * width)) < 1.5 && Math.abs(cell.y - (y + (3 / 14) * height)) < 1.5);
  assertNoProblems(browser);
});

test("the keyboard chooses a patch, and the mean of all tokens needs one press", async () => {
  const [first] = await attentions();
  const page = await browser.open(`${server.address}#${MODEL}&layer=${encodeURIComponent(first.name)}`);
  await waitUntilIdle(page);
  await page.focus(".query-plot");
  for (const key of ["ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await page.waitForFunction(() => location.hash.includes("query=8%2C8"));
  await waitUntilIdle(page);
  await page.click("button:text('Mean of all tokens')");
  await page.waitForFunction(() => location.hash.includes("query=mean"));
  await waitUntilIdle(page);
  assert.equal(await page.locator("button:text('Mean of all tokens')").getAttribute("aria-pressed"), "true");
  assertNoProblems(browser);
});

test("tokens are drawn as a grid of patches, and only layers whose patches are read are explained", async () => {
  const page = await browser.open(`${server.address}#${MODEL}&layer=blocks.1.norm1`);
  await waitUntilIdle(page);
  assert.match(await page.locator("#activations > .muted").first().textContent(), /96 channels of 14 × 14 values/);
  const model = await (await fetch(`${server.address}models/vit_cats_dogs`)).json();
  const layer = (name) => model.layers.find((one) => one.name === name);
  assert.equal(model.gradcam, "blocks.2.norm1");
  assert.deepEqual([layer("blocks.2.norm1").grid, layer("blocks.2.norm1").prefix_tokens], ["tokens", 1]);
  assert.match(layer("norm").refusal, /only the class token is read/);
  assertNoProblems(browser);
});
