// The brush: the probabilities follow what is painted over the picture.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  assertNoProblems,
  browser,
  predictedLabels,
  server,
  startProxy,
  useServerAndBrowser,
  waitForPicture,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

const scores = (page) => page.locator("#class-list .score").allTextContents();

/** Draws a line over the picture, from and to shares of its width and height. */
async function paint(page, [x0, y0], [x1, y1], { release = true } = {}) {
  const box = await page.locator("#painting").boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(x0, y0));
  await page.mouse.down();
  await page.mouse.move(...at(x1, y1), { steps: 10 });
  if (release) await page.mouse.up();
}

const painted = (page) => page.waitForFunction(() => document.querySelectorAll("#class-list .changed").length > 0);
const unpainted = (page) => page.waitForFunction(() => document.querySelectorAll("#class-list .changed").length === 0);

test("painting over the dog changes the probabilities; they are those of the saved picture", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs`);
  await waitUntilIdle(page);
  const before = await scores(page);
  assert.equal((await predictedLabels(page))[0], "dog");
  await page.click("#brush");
  await page.locator("#brush-size").fill("120");
  // The probabilities change before the button is released.
  await paint(page, [0.42, 0.1], [0.42, 0.6], { release: false });
  await painted(page);
  await page.mouse.up();
  await paint(page, [0.3, 0.3], [0.55, 0.5]);
  await waitUntilIdle(page);
  const after = await scores(page);
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#brush-save")]);
  assert.equal(file.suggestedFilename(), "cat_and_dog-painted.png");
  const form = new FormData();
  form.append("model", "vgg16_cats_dogs");
  form.append("image", new Blob([await readFile(await file.path())]), "painted.png");
  const { predictions } = await (await fetch(`${server.address}predict`, { method: "POST", body: form })).json();
  const cat = predictions.find(({ label }) => label === "cat").probability;
  assert.ok(cat > 0.5, `without the dog it is a cat: ${cat}`);
  const index = (await predictedLabels(page)).indexOf("cat");
  assert.equal(after[index], `${before[index]} → ${(cat * 100).toFixed(1)} %`);
  // The explanation is still that of the whole picture.
  assert.match(await page.locator("figure p").textContent(), /evidence for “dog”/);

  // The address has the strokes, so it shows the same elsewhere.
  const second = await browser.open(page.url());
  await painted(second);
  await waitUntilIdle(second);
  assert.deepEqual(await scores(second), after);

  // Undo takes one stroke back, as Back does; Clear takes all.
  const strokes = () => new URLSearchParams(new URL(page.url()).hash.slice(1)).get("brush")?.split("_").length ?? 0;
  assert.equal(strokes(), 2);
  await page.click("#brush-undo");
  assert.equal(strokes(), 1);
  await page.goBack();
  await page.waitForFunction(() => location.hash.includes("_"));
  assert.equal(strokes(), 2);
  await page.click("#brush-clear");
  await unpainted(page);
  assert.deepEqual(await scores(page), before);
  assertNoProblems(browser);
});

test("while one request runs, only the latest picture waits for the next", async () => {
  let running = 0;
  let most = 0;
  let count = 0;
  const proxy = await startProxy(server.address, async ({ path }) => {
    if (path !== "/predict") return;
    count++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 400));
    running--;
  });
  const page = await browser.open(proxy);
  await waitUntilIdle(page);
  const first = count;
  await page.click("#brush");
  for (const y of [0.2, 0.4, 0.6, 0.8]) await paint(page, [0.1, y], [0.9, y]);
  await waitUntilIdle(page);
  await page.waitForTimeout(600);
  assert.equal(most, 1);
  assert.ok(count - first <= 5, `${count - first} requests for 40 movements`);
  const shown = await scores(page);
  const second = await browser.open(page.url());
  await painted(second);
  await waitUntilIdle(second);
  assert.deepEqual(await scores(second), shown);
  assertNoProblems(browser);
});

test("the brush works by keyboard", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  await page.focus("#brush");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "painting");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press(" ");
  await painted(page);
  assert.match(new URL(page.url()).hash, /brush=50\.475\.475$/);
  await page.focus("#brush");
  await page.keyboard.press("Enter");
  await unpainted(page);
  assert.equal(await page.locator("#painting").isVisible(), false);
  assert.equal(new URL(page.url()).hash, "");
  assertNoProblems(browser);
});

test("the painted picture can be explained itself", async () => {
  const page = await browser.open(`${server.address}#brush=150.420.200.420.500&brush_fill=black`);
  await painted(page);
  await page.click("#brush-use");
  await waitForPicture(page, "your picture cat_and_dog-painted.png");
  await waitUntilIdle(page);
  await unpainted(page);
  const color = await page.locator("#picture").evaluate((image) => {
    const context = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0.42 * image.naturalWidth, 0.35 * image.naturalHeight, 1, 1).data];
  });
  assert.deepEqual(color, [0, 0, 0, 255]);
  assert.match(await page.locator("#curl").textContent(), /image=@cat_and_dog-painted\.png/);
  assertNoProblems(browser);
});

test("a class of many is told when it becomes the likeliest", async () => {
  const page = await browser.open(`${server.address}#model=efficientnet_lite0&picture=coffee`);
  await waitUntilIdle(page);
  await page.click("#brush");
  await page.locator("#brush-size").fill("150");
  for (const y of [0.15, 0.35, 0.55, 0.75, 0.95]) await paint(page, [0, y], [1, y]);
  await waitUntilIdle(page);
  await page.waitForSelector("#changed-class:has-text('Now the likeliest:')");
  assertNoProblems(browser);
});
