// All sources of a picture: file, drop, paste, camera, TIFF.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  CAT,
  CAT_AND_DOG,
  assertNoProblems,
  browser,
  explainedLabels,
  predictedLabels,
  server,
  useServerAndBrowser,
  waitForPicture,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

/** The predictions of the API. */
async function predicted(path, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("image", new Blob([await readFile(path)]), "picture");
  const answer = await fetch(`${server.address}predict`, { method: "POST", body: form });
  return (await answer.json()).predictions;
}

test("a chosen picture is predicted and explained", async () => {
  const page = await browser.open(server.address);
  await page.setInputFiles("#file", CAT);
  await waitForPicture(page, "your picture cat.png");
  await waitUntilIdle(page);
  const expected = await predicted(CAT);
  assert.deepEqual(
    await predictedLabels(page),
    expected.map(({ label }) => label),
  );
  const scores = await page.locator("#class-list .score").allTextContents();
  assert.deepEqual(
    scores,
    expected.map(({ probability }) => `${(probability * 100).toFixed(1)} %`),
  );
  assert.deepEqual(await explainedLabels(page), [expected[0].label]);
  assertNoProblems(browser);
});

test("a picture can be dropped or pasted", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const bytes = [...(await readFile(CAT_AND_DOG))];
  for (const [kind, name] of [
    ["drop", "dropped.png"],
    ["paste", "pasted.png"],
  ]) {
    await page.evaluate(
      ([kind, name, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
        const options = { bubbles: true, cancelable: true };
        const event =
          kind === "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: transfer })
            : new ClipboardEvent("paste", { ...options, clipboardData: transfer });
        document.body.dispatchEvent(event);
      },
      [kind, name, bytes],
    );
    await page.waitForFunction((name) => document.querySelector("#picture").alt.endsWith(name), name);
    await waitUntilIdle(page);
    assert.equal((await predictedLabels(page))[0], "dog");
  }
  assertNoProblems(browser);
});

test("the camera takes a picture", async () => {
  const page = await browser.open(server.address, { permissions: ["camera"] });
  await waitUntilIdle(page);
  await page.click("#camera");
  await page.click("#camera-dialog >> text=Take picture");
  await waitForPicture(page, "your picture camera.jpg");
  await waitUntilIdle(page);
  assert.equal(await page.locator("#camera-dialog").isVisible(), false);
  assert.equal(await page.evaluate(() => document.querySelector("video").srcObject), null);
  assertNoProblems(browser);
});

test("a TIFF, which browsers cannot decode, is shown", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  // Two by two pixels, white, uncompressed RGB.
  const entries = [
    [256, 3, 1, 2],
    [257, 3, 1, 2],
    [258, 3, 3, 134],
    [259, 3, 1, 1],
    [262, 3, 1, 2],
    [273, 4, 1, 140],
    [277, 3, 1, 3],
    [278, 3, 1, 2],
    [279, 4, 1, 12],
  ];
  const tiff = Buffer.alloc(152, 0xff);
  tiff.write("II*\0", 0, "latin1");
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    tiff.writeUInt16LE(tag, at);
    tiff.writeUInt16LE(type, at + 2);
    tiff.writeUInt32LE(count, at + 4);
    tiff.writeUInt32LE(value, at + 8);
  });
  tiff.writeUInt32LE(0, 10 + 12 * entries.length);
  for (const at of [134, 136, 138]) tiff.writeUInt16LE(8, at);
  await page.setInputFiles("#file", { name: "white.tif", mimeType: "image/tiff", buffer: tiff });
  await waitForPicture(page, "your picture white.tif");
  await waitUntilIdle(page);
  await page.waitForFunction(() => document.querySelector("#picture").naturalWidth === 2);
  assertNoProblems(browser);
});
