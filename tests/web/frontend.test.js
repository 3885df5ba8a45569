// examples/frontend: a page of another origin with a typed client and CORS.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, assertNoProblems, startBrowser, startServer } from "./harness.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

let files, origin, server, serverWithoutCors, browser;
before(async () => {
  const serveFile = async ({ url }, answer) => {
    const path = new URL(url, "http://localhost").pathname.replace(/\/$/, "/index.html");
    const file = await readFile(join(ROOT, "examples/frontend", path)).catch(() => null);
    answer.writeHead(file ? 200 : 404, { "content-type": TYPES[extname(path)] ?? "text/plain" });
    answer.end(file ?? "");
  };
  files = createServer(serveFile);
  await new Promise((resolve) => files.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${files.address().port}`;
  server = await startServer("--cors-origins", origin);
  serverWithoutCors = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser.stop();
  await server.stop();
  await serverWithoutCors.stop();
  files.close();
});

const openPage = ({ address }, options) =>
  browser.open(`${origin}/?server=${address.slice(0, -1)}`, { hosts: [address], ...options });

test("a page of an allowed origin gets classes and heat maps", async () => {
  const page = await openPage(server);
  await page.waitForFunction(() => document.querySelectorAll("option").length === 4);
  await page.selectOption("select", "vgg16_cats_dogs");
  await page.setInputFiles("input[type=file]", join(ROOT, "docs/photos/cat_and_dog.png"));
  await page.click("button");
  await page.waitForFunction(() => document.querySelectorAll("figure img").length === 2);
  assert.deepEqual(await page.locator("figcaption").allTextContents(), ["dog, 99.9 %", "cat, 0.1 %"]);
  const sizes = await page
    .locator("figure img")
    .evaluateAll((pictures) => pictures.map((picture) => picture.naturalWidth));
  assert.deepEqual(sizes, [224, 224]);
  assertNoProblems(browser);
});

test("an error shows the server's text", async () => {
  const page = await openPage(server, { allow: /415/ });
  await page.waitForFunction(() => document.querySelectorAll("option").length === 4);
  await page.setInputFiles("input[type=file]", {
    name: "a.png",
    mimeType: "image/png",
    buffer: Buffer.from("no picture"),
  });
  await page.click("button");
  await page.waitForSelector("#message:has-text('PNG, JPEG, WebP, GIF, BMP or TIFF')");
  assertNoProblems(browser);
});

test("a page of another origin gets nothing", async () => {
  const page = await openPage(serverWithoutCors, { allow: /CORS|ERR_FAILED/ });
  await page.waitForSelector("#message:has-text('does not allow this origin')");
  assert.equal(await page.locator("option").count(), 0);
  assertNoProblems(browser);
});
