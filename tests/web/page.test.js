// What a person does with the page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, assertSilent, settled, startBrowser, startServer } from "./stand.js";

const CAT = join(ROOT, "docs/photos/cat.png");
const BOTH = join(ROOT, "docs/photos/cat_and_dog.png");

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser.stop();
  await server.stop();
});

const labels = (page) => page.locator("#classes .label").allTextContents();
const titles = (page) => page.locator("figcaption strong").allTextContents();

/** What the API itself says. */
async function predicted(path, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("image", new Blob([await readFile(path)]), "picture");
  const answer = await fetch(`${server.address}predict`, { method: "POST", body: form });
  return (await answer.json()).predictions;
}

test("a first visit paints before the models are known, shows a sample, and moves nothing meanwhile", async () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
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

test("a picture that is chosen is predicted and explained", async () => {
  const page = await browser.open(server.address);
  await page.setInputFiles("#file", CAT);
  await page.waitForFunction(() => document.querySelector("#picture").alt === "your picture cat.png");
  await settled(page);
  const expected = await predicted(CAT);
  assert.deepEqual(await labels(page), expected.map(({ label }) => label));
  const said = await page.locator("#classes .percent").allTextContents();
  assert.deepEqual(said, expected.map(({ probability }) => `${(probability * 100).toFixed(1)} %`));
  assert.deepEqual(await titles(page), [expected[0].label]);
  assertSilent(browser);
});

test("a picture can be dropped and pasted", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const bytes = [...(await readFile(BOTH))];
  for (const [kind, name] of [["drop", "dropped.png"], ["paste", "pasted.png"]]) {
    await page.evaluate(([kind, name, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      const event = kind === "drop"
        ? new DragEvent("drop", { ...options, dataTransfer: transfer })
        : new ClipboardEvent("paste", { ...options, clipboardData: transfer });
      document.body.dispatchEvent(event);
    }, [kind, name, bytes]);
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
  const entries = [[256, 3, 1, 2], [257, 3, 1, 2], [258, 3, 3, 134], [259, 3, 1, 1], [262, 3, 1, 2], [273, 4, 1, 140], [277, 3, 1, 3], [278, 3, 1, 2], [279, 4, 1, 12]];
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

test("layers: the strip is the model's list, and a click shows every channel", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const model = await (await fetch(`${server.address}models/cats_and_dogs_small_1`)).json();
  assert.deepEqual(await page.locator("#strip .name").allTextContents(), model.layers.map(({ name }) => name));
  assert.deepEqual(await page.locator("#strip .shape").allTextContents(), model.layers.map(({ shape }) => shape.join(" × ")));
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
  const deviations = await page.locator(".tile:not(.dead)").evaluateAll((tiles) => tiles.map((tile) => Number(/deviation (\S+?)(,|$)/.exec(tile.ariaLabel)[1])));
  // Written with three digits, so equal ones may stand either way.
  assert.ok(deviations.every((value, i) => i === 0 || value <= deviations[i - 1] * 1.005), `${deviations}`);
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
  assert.deepEqual(asked.filter((url) => /gradcam|activations|predict|models/.test(url)), []);
  assertSilent(browser);
});

test("errors are told in the server's words, and the next picture clears them", async () => {
  const page = await browser.open(server.address, { allow: /415|Failed to load resource/ });
  await settled(page);
  await page.setInputFiles("#file", { name: "poem.png", mimeType: "image/png", buffer: Buffer.from("<svg>no picture</svg>") });
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.locator("#trouble p").textContent(), /SVG; send PNG, JPEG, WebP, GIF, BMP or TIFF\.$/);
  assert.equal(await page.locator("#trouble").getAttribute("role"), "alert");
  await page.setInputFiles("#file", CAT);
  await settled(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);

  await page.route("**/gradcam", (route) => route.abort());
  await page.click("#classes .why:has-text('dog')");
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.locator("#trouble p").textContent(), /does not answer/);
  await page.unroute("**/gradcam");
  await page.click("#again");
  await page.waitForSelector("figcaption strong:text('dog')");
  assert.equal(await page.locator("#trouble").isVisible(), false);
  assertSilent(browser);
});

test("a busy server is asked again", async () => {
  const page = await browser.open(server.address, { allow: /503/ });
  await settled(page);
  let refusals = 2;
  await page.route("**/gradcam", (route) => (refusals-- > 0
    ? route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ code: "busy", detail: "all are at work" }) })
    : route.continue()));
  await page.click("#classes .why:has-text('cat')");
  await page.waitForSelector("figcaption strong:text('cat')");
  assert.equal(refusals, -1);
  assertSilent(browser);
});

test("what is waited for is said: the upload, then the network", async () => {
  // Two seconds behind the real one.
  const late = createServer(async (asked, answer) => {
    const body = Buffer.concat(await asked.toArray());
    if (asked.url === "/predict") await new Promise((resolve) => setTimeout(resolve, 2000));
    const { method, headers: { host, connection, "content-length": length, ...headers } } = asked;
    const real = await fetch(new URL(asked.url, server.address), { method, headers, body: method === "POST" ? body : undefined });
    answer.writeHead(real.status, Object.fromEntries([...real.headers].filter(([name]) => name !== "transfer-encoding")));
    answer.end(Buffer.from(await real.arrayBuffer()));
  });
  await new Promise((resolve) => late.listen(0, "127.0.0.1", resolve));
  const page = await browser.open(`http://127.0.0.1:${late.address().port}/`);
  await page.waitForSelector("#sending:has-text('The network looks …')");
  await settled(page);
  assert.equal(await page.locator("#sending").isVisible(), false);

  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route("**/predict", async (route) => {
    await held;
    await route.continue();
  });
  await page.setInputFiles("#file", CAT);
  await page.waitForSelector("#sending:has-text('Sending')");
  release();
  await settled(page);
  await page.context().close();
  late.close();
  assertSilent(browser);
});

test("a server that wants a key is given one, and the command names no key", async () => {
  const prepare = (page) => page.route(/\/(models|predict|gradcam|activations)/, (route) => {
    const isKnown = route.request().headers()["x-api-key"] === "open sesame";
    const problem = { code: "unauthorized", detail: "this server wants a key" };
    return isKnown ? route.continue() : route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  const page = await browser.open(server.address, { prepare, allow: /401/ });
  await page.waitForSelector("#trouble:has-text('This server wants a key.')");
  await page.fill("#key", "open sesame");
  await page.press("#key", "Enter");
  await settled(page);
  assert.equal(await page.locator("#trouble").isVisible(), false);
  const command = await page.locator("#curl").textContent();
  assert.match(command, /-H "x-api-key: \$API_KEY"/);
  assert.doesNotMatch(command, /sesame/);
  assertSilent(browser);
});

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
