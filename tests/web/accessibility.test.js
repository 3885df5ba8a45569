// Keyboard, screen reader, narrow windows, dark and light theme.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { assertNoProblems, browser, server, useServerAndBrowser, waitForPicture, waitUntilIdle } from "./harness.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = {
  explanation: "",
  compare: "model=vgg16_cats_dogs&compare=0",
  manyClasses: "model=efficientnet_lite0&picture=coffee&sign=negative",
  grid: "tab=activations&layer=conv2d_3",
  channel: "tab=activations&layer=conv2d_3&channel=4",
  methods: "method=gradcam,occlusion,finercam&window=75&stride=75&all_explained=true",
  painted: "brush=60.500.300.520.500&brush_fill=blur",
};

useServerAndBrowser();

/** The serious and critical violations that axe-core finds, as text. */
async function violations(page) {
  // By the debugger protocol, to which the page's content security policy does not apply.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
  );
}

for (const colorScheme of ["dark", "light"]) {
  test(`axe-core finds no serious violation in the ${colorScheme} theme`, async () => {
    const wrong = [];
    for (const [name, hash] of Object.entries(VIEWS)) {
      const page = await browser.open(`${server.address}#${hash}`, { colorScheme });
      await waitUntilIdle(page);
      for (const found of await violations(page)) wrong.push(`${name}: ${found}`);
      await page.context().close();
    }
    const page = await browser.open(server.address, { colorScheme, allow: /415/ });
    await waitUntilIdle(page);
    await page.setInputFiles("#file", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await page.waitForSelector("#error:not([hidden])");
    for (const found of await violations(page)) wrong.push(`error: ${found}`);
    assert.deepEqual(wrong, []);
    assertNoProblems(browser);
  });
}

test("every action is possible by keyboard", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const focused = () =>
    page.evaluate(() => {
      const { id, dataset, ariaLabel, textContent } = document.activeElement;
      return id || dataset.layer || dataset.channel || ariaLabel || textContent;
    });
  const tabTo = async (wanted) => {
    for (let i = 0; i < 60; i++) {
      if (wanted.test(await focused())) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab does not reach ${wanted}; the focus is on ${await focused()}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "result");
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(/^file$/);
  await tabTo(/^Sample: a tabby/);
  await page.keyboard.press("Enter");
  await waitForPicture(page, "a tabby cat, close");
  await waitUntilIdle(page);
  await tabTo(/^dog/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("figcaption strong:text('dog')");
  await tabTo(/^max_pooling2d_2$/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#activations h2:text('max_pooling2d_2')");
  await waitUntilIdle(page);
  await tabTo(/^0$/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "2");
  assert.match(await page.locator("#activations > .readout").textContent(), /^channel 2: /);
  const columns = await page.evaluate(
    () => getComputedStyle(document.querySelector(".grid")).gridTemplateColumns.split(" ").length,
  );
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), String(2 + columns));
  await page.keyboard.press("End");
  assert.equal(await focused(), "63");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#activations h2:text('channel 63')");
  await waitUntilIdle(page);
  assert.equal(await focused(), "All channels");
  await tabTo(/values from .* Arrow keys move the crosshair\.$/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.locator("#activations .channel .readout").textContent(), /^row 18, column 17: /);
  await page.focus("#tab-activations");
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("#explain:not([hidden])");
  await waitUntilIdle(page);
  assert.equal(await focused(), "tab-explain");
  await tabTo(/^Grad-CAM heat map for dog\./);
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator("figure .readout").textContent(), /^heat [01]\.\d\d$/);
  await tabTo(/^download$/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(file.suggestedFilename(), "dog.png");
  assertNoProblems(browser);
});

test("changes are announced to screen readers", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const announcement = () => page.locator("#live-region").textContent();
  assert.match(await announcement(), /^The strongest evidence for “dog” is /);
  await page.click("[data-layer=conv2d_1]");
  await page.waitForSelector("#activations h2:text('conv2d_1')");
  await waitUntilIdle(page);
  assert.match(await announcement(), /^conv2d_1: 32 channels/);
  assertNoProblems(browser);
});

for (const width of [360, 700, 1024]) {
  test(`nothing overflows a window of ${width} pixels`, async () => {
    const wrong = [];
    for (const [name, hash] of Object.entries(VIEWS)) {
      const page = await browser.open(`${server.address}#${hash}`, {
        viewport: { width, height: 740 },
        hasTouch: true,
      });
      await waitUntilIdle(page);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (overflow > 0) wrong.push(`${name} overflows by ${overflow} pixels`);
      const hidden = await page.evaluate(() => {
        // The lists of layers scroll, so some of their buttons may be out of view.
        const all = [...document.querySelectorAll("main button, main select, main input")].filter(
          (it) => !it.closest(".layer-list, .strip-list") && it.checkVisibility(),
        );
        const boxes = all.map((it) => [it.id || it.ariaLabel || it.textContent, it.getBoundingClientRect()]);
        return boxes.filter(([, box]) => box.left < -1 || box.right > innerWidth + 1).map(([name]) => name);
      });
      if (hidden.length > 0) wrong.push(`${name} hides ${hidden}`);
      await page.context().close();
    }
    assert.deepEqual(wrong, []);
    assertNoProblems(browser);
  });
}

test("the theme is the system's until the user chooses one", async () => {
  const page = await browser.open(server.address, { colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.click("#theme");
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark);
  assertNoProblems(browser);
});
