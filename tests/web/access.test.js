// Without a mouse, without eyes, without much room; and the reference.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT, assertSilent, browser, server, settled, useServerAndBrowser } from "./stand.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = {
  heat: "",
  compare: "model=vgg16_cats_dogs&versus=0",
  thousand: "model=efficientnet_lite0&picture=coffee&sign=negative",
  grid: "view=layers&layer=conv2d_3",
  channel: "view=layers&layer=conv2d_3&channel=4",
};

useServerAndBrowser();

/** What axe-core finds that is serious or critical, in words. */
async function violations(page) {
  // Through the debugger, past the page's own policy against foreign scripts.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
  );
}

for (const colorScheme of ["dark", "light"]) {
  test(`axe-core finds nothing serious in ${colorScheme}`, async () => {
    const wrong = [];
    for (const [name, hash] of Object.entries(VIEWS)) {
      const page = await browser.open(`${server.address}#${hash}`, { colorScheme });
      await settled(page);
      for (const found of await violations(page)) wrong.push(`${name}: ${found}`);
      await page.context().close();
    }
    const page = await browser.open(server.address, { colorScheme, allow: /415/ });
    await settled(page);
    await page.setInputFiles("#file", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await page.waitForSelector("#trouble:not([hidden])");
    for (const found of await violations(page)) wrong.push(`error: ${found}`);
    assert.deepEqual(wrong, []);
    assertSilent(browser);
  });
}

test("all can be done by keyboard", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const focused = () =>
    page.evaluate(() => {
      const { id, dataset, ariaLabel, textContent } = document.activeElement;
      return id || dataset.layer || dataset.channel || ariaLabel || textContent;
    });
  const tabTo = async (wanted) => {
    for (let i = 0; i < 40; i++) {
      if (wanted.test(await focused())) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab does not lead to ${wanted}, but to ${await focused()}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "stage");
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(/^file$/);
  await tabTo(/^Sample: a tabby/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#picture").alt === "a tabby cat, close");
  await settled(page);
  await tabTo(/^dog/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("figcaption strong:text('dog')");
  await tabTo(/^max_pooling2d_2$/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#layers h2:text('max_pooling2d_2')");
  await settled(page);
  await tabTo(/^0$/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "2");
  assert.match(await page.locator("#layers > .readout").textContent(), /^channel 2: /);
  const columns = await page.evaluate(
    () => getComputedStyle(document.querySelector(".grid")).gridTemplateColumns.split(" ").length,
  );
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), String(2 + columns));
  await page.keyboard.press("End");
  assert.equal(await focused(), "63");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#layers h2:text('channel 63')");
  await settled(page);
  assert.equal(await focused(), "All channels");
  await tabTo(/values from .* Arrow keys move the cursor\.$/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.locator("#layers .one .readout").textContent(), /^row 18, column 17: /);
  await page.focus("#tab-layers");
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("#heat:not([hidden])");
  await settled(page);
  assert.equal(await focused(), "tab-heat");
  await tabTo(/^Heat map for dog\./);
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator("figure .readout").textContent(), /^heat here: [01]\.\d\d of 1$/);
  await tabTo(/^download$/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(file.suggestedFilename(), "dog.png");
  assertSilent(browser);
});

test("what changes is said aloud", async () => {
  const page = await browser.open(server.address);
  await settled(page);
  const said = () => page.locator("#announcement").textContent();
  assert.match(await said(), /^What spoke for “dog” most lies /);
  await page.click("[data-layer=conv2d_1]");
  await page.waitForSelector("#layers h2:text('conv2d_1')");
  await settled(page);
  assert.match(await said(), /^conv2d_1: 32 channels/);
  assertSilent(browser);
});

for (const width of [360, 700, 1024]) {
  test(`nothing sticks out of a window of ${width} pixels`, async () => {
    const wrong = [];
    for (const [name, hash] of Object.entries(VIEWS)) {
      const page = await browser.open(`${server.address}#${hash}`, {
        viewport: { width, height: 740 },
        hasTouch: true,
      });
      await settled(page);
      const out = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (out > 0) wrong.push(`${name} sticks out by ${out}`);
      const hidden = await page.evaluate(() => {
        // A strip that scrolls may hide some.
        const all = [...document.querySelectorAll("main button, main select, main input")].filter(
          (it) => !it.closest(".strip") && it.checkVisibility(),
        );
        const boxes = all.map((it) => [it.id || it.ariaLabel || it.textContent, it.getBoundingClientRect()]);
        return boxes.filter(([, box]) => box.left < -1 || box.right > innerWidth + 1).map(([name]) => name);
      });
      if (hidden.length > 0) wrong.push(`${name} hides ${hidden}`);
      await page.context().close();
    }
    assert.deepEqual(wrong, []);
    assertSilent(browser);
  });
}

test("dark and light: the system's, until the reader chooses", async () => {
  const page = await browser.open(server.address, { colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.click("#theme");
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await paper(), dark);
  assertSilent(browser);
});

test("the reference lists every operation and tries those that take a picture", async () => {
  const page = await browser.open(`${server.address}docs`);
  await page.waitForSelector("#operations-explain-predict");
  const listed = await page
    .locator(".opblock-summary-path")
    .evaluateAll((paths) => paths.map((path) => path.dataset.path));
  const description = await readFile(join(ROOT, "openapi.yaml"), "utf8");
  const described = [...description.matchAll(/^ {2}(\/\S*):$/gm)].map(([, path]) => path);
  assert.deepEqual([...new Set(listed)].sort(), described.sort());
  for (const [name, answer] of [
    ["predict", /"label": "cat"/],
    ["gradcam", /convscope-class: 0/],
    ["activations", /convscope-dead-channels/],
  ]) {
    const operation = page.locator(`#operations-explain-${name}`);
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("input[type=file]").setInputFiles(join(ROOT, "docs/photos/cat.png"));
    await operation.locator("button.execute").click();
    await operation.locator(".live-responses-table .response .response-col_status").waitFor();
    assert.match(
      await operation.locator(".live-responses-table .response .response-col_status").textContent(),
      /^200/,
      name,
    );
    assert.match(await operation.locator(".live-responses-table").textContent(), answer);
    // The command that it shows does the same.
    const command = await operation.locator(".curl-command .curl").textContent();
    const run = ["-c", `${command} --silent --output /dev/null --write-out '%{http_code}'`];
    const { stdout } = await promisify(execFile)("sh", run, { cwd: join(ROOT, "docs/photos") });
    assert.equal(stdout, "200", command);
  }
  assertSilent(browser);
});
