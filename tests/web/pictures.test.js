// Every way to choose a picture.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BOTH, CAT, assertSilent, browser, labels, server, settled, titles, useServerAndBrowser } from "./stand.js";

useServerAndBrowser();

/** What the API itself says. */
async function predicted(path, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("image", new Blob([await readFile(path)]), "picture");
  const answer = await fetch(`${server.address}predict`, { method: "POST", body: form });
  return (await answer.json()).predictions;
}

test("a picture that is chosen is predicted and explained", async () => {
  const page = await browser.open(server.address);
  await page.setInputFiles("#file", CAT);
  await page.waitForFunction(() => document.querySelector("#picture").alt === "your picture cat.png");
  await settled(page);
  const expected = await predicted(CAT);
  assert.deepEqual(
    await labels(page),
    expected.map(({ label }) => label),
  );
  const said = await page.locator("#classes .percent").allTextContents();
  assert.deepEqual(
    said,
    expected.map(({ probability }) => `${(probability * 100).toFixed(1)} %`),
  );
  assert.deepEqual(await titles(page), [expected[0].label]);
  assertSilent(browser);
});

test("a picture can be dropped and pasted", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const bytes = [...(await readFile(BOTH))];
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
    await settled(page);
    assert.equal((await labels(page))[0], "dog");
  }
  assertSilent(browser);
});

test("a picture can be taken with the camera", async () => {
  const page = await browser.open(server.address, { permissions: ["camera"] });
  await settled(page);
  await page.click("#camera");
  await page.click("#camera-dialog >> text=Take it");
  await page.waitForFunction(() => document.querySelector("#picture").alt === "your picture camera.jpg");
  await settled(page);
  assert.equal(await page.locator("#camera-dialog").isVisible(), false);
  assert.equal(await page.evaluate(() => document.querySelector("video").srcObject), null);
  assertSilent(browser);
});

test("a TIFF, which no browser shows, is seen all the same", async () => {
  const page = await browser.open(server.address);
  await settled(page);
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
  await page.waitForFunction(() => document.querySelector("#picture").alt === "your picture white.tif");
  await settled(page);
  await page.waitForFunction(() => document.querySelector("#picture").naturalWidth === 2);
  assertSilent(browser);
});
