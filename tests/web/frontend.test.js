// examples/frontend, which stands for anybody's page: another origin, the typed client, CORS.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, assertSilent, startBrowser, startServer } from "./stand.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

let page, other, server, closed, browser;
before(async () => {
  const serve = async ({ url }, answer) => {
    const path = new URL(url, "http://localhost").pathname.replace(/\/$/, "/index.html");
    const file = await readFile(join(ROOT, "examples/frontend", path)).catch(() => null);
    answer.writeHead(file ? 200 : 404, { "content-type": TYPES[extname(path)] ?? "text/plain" });
    answer.end(file ?? "");
  };
  page = createServer(serve);
  await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
  other = `http://127.0.0.1:${page.address().port}`;
  server = await startServer("--cors-origins", other);
  closed = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser.stop();
  await server.stop();
  await closed.stop();
  page.close();
});

const opened = (at, options) =>
  browser.open(`${other}/?server=${at.address.slice(0, -1)}`, { calls: [at.address], ...options });

test("a page of an origin that is let in gets classes and heat maps", async () => {
  const page = await opened(server);
  await page.waitForFunction(() => document.querySelectorAll("option").length === 3);
  await page.selectOption("select", "vgg16_cats_dogs");
  await page.setInputFiles("input[type=file]", join(ROOT, "docs/photos/cat_and_dog.png"));
  await page.click("button");
  await page.waitForFunction(() => document.querySelectorAll("figure img").length === 2);
  assert.deepEqual(await page.locator("figcaption").allTextContents(), ["dog, 99.9 %", "cat, 0.1 %"]);
  const sizes = await page
    .locator("figure img")
    .evaluateAll((pictures) => pictures.map((picture) => picture.naturalWidth));
  assert.deepEqual(sizes, [224, 224]);
  assertSilent(browser);
});

test("what is wrong is told in the server's words", async () => {
  const page = await opened(server, { allow: /415/ });
  await page.waitForFunction(() => document.querySelectorAll("option").length === 3);
  await page.setInputFiles("input[type=file]", {
    name: "a.png",
    mimeType: "image/png",
    buffer: Buffer.from("no picture"),
  });
  await page.click("button");
  await page.waitForSelector("#words:has-text('PNG, JPEG, WebP, GIF, BMP or TIFF')");
  assertSilent(browser);
});

test("a page of an origin that is not let in gets nothing", async () => {
  const page = await opened(closed, { allow: /CORS|ERR_FAILED/ });
  await page.waitForSelector("#words:has-text('does not let this page ask')");
  assert.equal(await page.locator("option").count(), 0);
  assertSilent(browser);
});
