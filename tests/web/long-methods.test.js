// Methods of many passes: progress, previews, and the button that stops them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoProblems, browser, server, useServerAndBrowser, waitUntilIdle } from "./harness.js";

useServerAndBrowser();

/** The value of a metric without labels. */
async function metric(name) {
  const text = await (await fetch(`${server.address}metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? NaN);
}

const drawing = (page) => page.locator("figure canvas").evaluate((canvas) => canvas.toDataURL());
const progress = (page) => page.locator(".map-progress progress").evaluate((bar) => bar.value);

test("a long method shows its progress and the map so far, and Stop ends it on the server", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs&method=rise&masks=200`);
  await page.waitForSelector(".map-progress >> text=/^[1-9][0-9]* of 201$/");
  const before = await progress(page);
  const [first, cancelled] = [await drawing(page), await metric("convscope_cancelled_total")];
  // The command is that of the finished map.
  assert.match(await page.locator("#curl").textContent(), /-F method=rise .*\/explain -o dog-rise/);
  await page.waitForFunction((before) => document.querySelector(".map-progress progress").value > before + 8, before);
  await page.waitForFunction((first) => document.querySelector("figure canvas").toDataURL() !== first, first);
  // The rest of the page works meanwhile.
  assert.equal(await page.locator("canvas.thumbnail:not(.loaded)").count(), 0);
  await page.click(".map-progress >> text=Stop");
  await page.waitForSelector("figure p:has-text('The map so far is shown.')");
  assert.match(await page.locator("figure p").textContent(), /^Stopped after \d+ of 201 passes\./);
  await waitUntilIdle(page);
  for (let waited = 0; (await metric("convscope_cancelled_total")) === cancelled; waited += 20) {
    assert.ok(waited < 5000, "the computation goes on");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const stopped = await drawing(page);
  await page.waitForTimeout(700);
  assert.equal(await drawing(page), stopped);

  await page.click("text=Compute again");
  await page.waitForSelector(".map-progress >> text=/^[1-9][0-9]* of 201$/");
  // Another view stops it too.
  await page.fill("#parameter-masks", "4");
  await page.press("#parameter-masks", "Enter");
  await page.waitForSelector("figure p:has-text('It took 4 passes.')");
  await waitUntilIdle(page);
  assert.equal(await page.locator(".map-progress").isVisible(), false);
  assertNoProblems(browser);
});

test("a quick method beside a long one is shown at once, and each can be stopped alone", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs&method=gradcam,rise,smoothgrad&masks=200`);
  await page.waitForSelector("canvas[aria-label^='Grad-CAM heat map for dog. The strongest']");
  // Only one long computation runs at a time.
  await page.waitForSelector("figure:nth-child(2) .map-progress >> text=/^[1-9][0-9]* of/");
  assert.equal(await page.locator("figure:nth-child(3) .map-progress span").textContent(), "Waiting …");
  await page.click("figure:nth-child(2) >> text=Stop");
  await page.waitForSelector("figure:nth-child(2) p:has-text('Stopped after ')");
  await page.waitForSelector("figure:nth-child(3) .map-progress >> text=/^[1-9][0-9]* of/");
  await page.click("figure:nth-child(3) >> text=Stop");
  await waitUntilIdle(page);
  assertNoProblems(browser);
});

test("an error of one method leaves the others on screen", async () => {
  const page = await browser.open(`${server.address}#method=gradcam,cam`, { allow: /422/ });
  await page.waitForSelector("figure:nth-child(2) .error-text");
  assert.match(await page.locator("figure:nth-child(2) .error-text").textContent(), /mean over all positions/);
  await page.waitForSelector("canvas[aria-label^='Grad-CAM heat map for dog. The strongest']");
  assert.equal(await page.locator("#error").isVisible(), false);
  assertNoProblems(browser);
});

test("a computation that fails keeps the map so far and can be repeated", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const png = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 2, height: 1 });
    canvas.getContext("2d").fillRect(0, 0, 1, 1);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  const events = [
    ["progress", { done: 3, total: 17 }],
    ["preview", { method: "rise", class: 1, sign: "positive", png }],
    ["error", { code: "deadline-passed", status: 503, detail: "this took longer than a request may take" }],
  ];
  await page.route("**/explain", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 800));
    const body = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
    await route.fulfill({ status: 200, contentType: "text/event-stream", body });
  });
  await page.evaluate(() => {
    location.hash = "method=rise&masks=16";
  });
  await page.waitForSelector(".error-text:has-text('This took longer than a request may take.')");
  assert.equal(await page.locator(".map-progress").isVisible(), false);
  await page.unroute("**/explain");
  await page.click("text=Compute again");
  await page.waitForSelector("figure p:has-text('It took 16 passes.')");
  assert.equal(await page.locator(".error-text").count(), 0);
  assertNoProblems(browser);
});
