// Back, forward, and addresses for others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOTH, CAT, assertSilent, browser, server, settled, useServerAndBrowser } from "./stand.js";

useServerAndBrowser();

test("Back undoes one step, also between pictures of one's own", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const steps = [
    [() => page.setInputFiles("#file", CAT), "your picture cat.png"],
    [() => page.setInputFiles("#file", BOTH), "your picture cat_and_dog.png"],
  ];
  const isShown = (alt) => page.waitForFunction((alt) => document.querySelector("#picture").alt === alt, alt);
  for (const [step, alt] of steps) {
    await step();
    await isShown(alt);
    await settled(page);
  }
  await page.click("[data-layer=conv2d_4]");
  await page.waitForSelector("#layers h2:text('conv2d_4')");
  await page.click(".tile >> nth=5");
  await page.waitForSelector("#layers h2:text('conv2d_4, channel 5')");
  await page.goBack();
  await page.waitForSelector(".grid:not([hidden])");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.channel), "5");
  await page.goBack();
  await page.waitForSelector("#heat:not([hidden])");
  await page.goBack();
  await isShown("your picture cat.png");
  await page.goBack();
  await isShown("a bulldog beside a tabby cat");
  await page.goForward();
  await isShown("your picture cat.png");
  assertSilent(browser);
});

test("an address shows the same to others; a picture of one's own is not in it", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  await page.click("#samples [data-sample=cat]");
  await page.waitForFunction(() => document.querySelector("#picture").alt === "a tabby cat, close");
  await page.click("[data-layer=max_pooling2d_2]");
  await page.waitForSelector("#layers h2:text('max_pooling2d_2')");
  await page.click("[data-channel='9']");
  await page.waitForSelector("#layers h2:text('channel 9')");
  await page.selectOption("#colors", "gray");
  const other = await browser.open(page.url());
  await settled(other);
  assert.equal(await other.locator("#layers h2").textContent(), "max_pooling2d_2, channel 9");
  assert.equal(await other.locator("#colors").inputValue(), "gray");
  assert.equal(await other.locator("#picture").getAttribute("alt"), "a tabby cat, close");

  await page.setInputFiles("#file", CAT);
  await page.waitForFunction(() => document.querySelector("#picture").alt === "your picture cat.png");
  const third = await browser.open(page.url());
  await third.waitForSelector("#invitation:text('stays with who chose it')");
  await third.setInputFiles("#file", CAT);
  await settled(third);
  assert.equal(await third.locator("#layers h2").textContent(), "max_pooling2d_2, channel 9");
  assertSilent(browser);
});
