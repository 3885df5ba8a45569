// The state in the address: Back, Forward, and shared addresses.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CAT,
  CAT_AND_DOG,
  assertNoProblems,
  browser,
  explainedLabels,
  server,
  useServerAndBrowser,
  waitForPicture,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

test("Back undoes one change, also between the user's own pictures", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const steps = [
    [() => page.setInputFiles("#file", CAT), "your picture cat.png"],
    [() => page.setInputFiles("#file", CAT_AND_DOG), "your picture cat_and_dog.png"],
  ];
  for (const [step, alt] of steps) {
    await step();
    await waitForPicture(page, alt);
    await waitUntilIdle(page);
  }
  await page.click("[data-layer=conv2d_4]");
  await page.waitForSelector("#activations h2:text('conv2d_4')");
  await page.click(".tile >> nth=5");
  await page.waitForSelector("#activations h2:text('conv2d_4, channel 5')");
  await page.goBack();
  await page.waitForSelector(".grid:not([hidden])");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.channel), "5");
  await page.goBack();
  await page.waitForSelector("#explain:not([hidden])");
  await page.goBack();
  await waitForPicture(page, "your picture cat.png");
  await page.goBack();
  await waitForPicture(page, "a bulldog beside a tabby cat");
  await page.goForward();
  await waitForPicture(page, "your picture cat.png");
  assertNoProblems(browser);
});

test("an address shows the same view elsewhere, except for the user's own picture", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  await page.click("#samples [data-sample=cat]");
  await waitForPicture(page, "a tabby cat, close");
  await page.click("[data-layer=max_pooling2d_2]");
  await page.waitForSelector("#activations h2:text('max_pooling2d_2')");
  await page.click("[data-channel='9']");
  await page.waitForSelector("#activations h2:text('channel 9')");
  await page.selectOption("#colormap", "gray");
  const second = await browser.open(page.url());
  await waitUntilIdle(second);
  assert.equal(await second.locator("#activations h2").textContent(), "max_pooling2d_2, channel 9");
  assert.equal(await second.locator("#colormap").inputValue(), "gray");
  assert.equal(await second.locator("#picture").getAttribute("alt"), "a tabby cat, close");

  await page.setInputFiles("#file", CAT);
  await waitForPicture(page, "your picture cat.png");
  const third = await browser.open(page.url());
  await third.waitForSelector("#picture-hint:text('does not contain the picture')");
  await third.setInputFiles("#file", CAT);
  await waitUntilIdle(third);
  assert.equal(await third.locator("#activations h2").textContent(), "max_pooling2d_2, channel 9");
  assertNoProblems(browser);
});

test("an address with the former names of the keys opens the same view", async () => {
  const page = await browser.open(
    `${server.address}#model=vgg16_cats_dogs&class=1&versus=0&draw=heatmap&heatcolors=gray&explained=block4_conv3&all=yes`,
  );
  await waitUntilIdle(page);
  const setting = (key) =>
    page.evaluate((key) => document.querySelector(".settings").elements.namedItem(key).value, key);
  assert.deepEqual(await explainedLabels(page), ["dog", "cat"]);
  assert.equal(await setting("view"), "heatmap");
  assert.equal(await setting("explain_colormap"), "gray");
  assert.equal(await setting("explain_layer"), "block4_conv3");
  assert.equal(await page.locator("#all-layers input").isChecked(), true);
  // The next change writes the present keys.
  await page.selectOption("#explain_colormap", "jet");
  assert.equal(
    new URL(page.url()).hash,
    "#model=vgg16_cats_dogs&all_layers=true&class=1&compare=0&explain_layer=block4_conv3&view=heatmap&explain_colormap=jet",
  );
  const second = await browser.open(
    `${server.address}#view=layers&layer=conv2d_2&channel=3&order=max&colors=gray&draw=mask`,
  );
  await waitUntilIdle(second);
  assert.equal(await second.locator("#activations h2").textContent(), "conv2d_2, channel 3");
  assert.equal(await second.locator("#order").inputValue(), "max");
  assert.equal(await second.locator("#colormap").inputValue(), "gray");
  await second.click("#tab-explain");
  assert.equal(await second.locator(".settings [name=view]:checked").inputValue(), "mask");
  assertNoProblems(browser);
});
