// The menu of methods, and the requests for their maps.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertNoProblems,
  browser,
  chooseMethod,
  server,
  startProxy,
  useServerAndBrowser,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

/** The form of a multipart request without the picture, as an object. */
async function fieldsOf({ headers, body }) {
  const form = await new Response(body, { headers: { "content-type": headers["content-type"] } }).formData();
  form.delete("image");
  return Object.fromEntries(form);
}

const chosen = (page) => page.locator("#method").evaluate((button) => button.value);

/** An `.npy` file of float32 values. */
function npy(height, width, values) {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${height}, ${width}), }`.padEnd(117) + "\n";
  const prefix = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
  return Buffer.concat([prefix, Buffer.from(header), Buffer.from(Float32Array.from(values).buffer)]);
}

test("the menu has every method with its cost; a choice is requested and in the address", async () => {
  const requests = [];
  const proxy = await startProxy(server.address, async (request) => {
    if (request.path === "/explain") requests.push(await fieldsOf(request));
  });
  const page = await browser.open(proxy);
  await waitUntilIdle(page);
  const methods = await (await fetch(`${server.address}methods?model=cats_and_dogs_small_1`)).json();
  await page.click("#method");
  const items = await page.locator("#methods [data-method]").evaluateAll((all) =>
    all.map((item) => ({
      name: item.dataset.method,
      texts: [...item.querySelectorAll(".choose-method span")].map(({ textContent }) => textContent),
      refusal: item.querySelector(".refusal")?.textContent,
      disabled: [...item.querySelectorAll("button")].map(({ disabled }) => disabled),
    })),
  );
  assert.equal(items.length, methods.length);
  for (const { name, title, summary, passes, refusal } of methods) {
    const item = items.find((item) => item.name === name);
    const cost = passes === 0 ? "no further pass" : passes === 1 ? "1 pass" : `${passes} passes`;
    assert.deepEqual(item.texts, [title, refusal ? "not available" : cost, summary]);
    assert.deepEqual(item.disabled, [refusal !== undefined, refusal !== undefined]);
    assert.equal(item.refusal?.toLowerCase(), refusal && `${refusal}.`.toLowerCase());
  }
  assert.deepEqual(
    items.filter(({ refusal }) => refusal).map(({ name }) => name),
    ["cam", "chefer", "legrad", "rollout"],
  );
  await page.keyboard.press("Escape");
  assert.equal(requests.at(-1).method, "gradcam");
  await chooseMethod(page, "hirescam");
  await page.waitForSelector("canvas[aria-label^='HiResCAM heat map for dog. The']");
  await waitUntilIdle(page);
  assert.deepEqual(requests.at(-1), { ...requests[0], method: "hirescam" });
  assert.equal(new URL(page.url()).hash, "#method=hirescam");
  assert.match(await page.locator("#curl").textContent(), /-F method=hirescam .*\/explain -o dog-hirescam\.png$/);
  const paper = methods.find(({ name }) => name === "hirescam").paper;
  assert.equal(await page.locator(".paper").getAttribute("href"), paper);
  await page.goBack();
  await page.waitForSelector("canvas[aria-label^='Grad-CAM heat map']");
  assertNoProblems(browser);
});

test("methods side by side, for two classes, with a command for all of them", async () => {
  const page = await browser.open(`${server.address}#model=vgg16_cats_dogs&compare=0`);
  await waitUntilIdle(page);
  await chooseMethod(page, "layercam", { beside: true });
  await chooseMethod(page, "gradcam++", { beside: true });
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 6);
  await waitUntilIdle(page);
  const figures = await page
    .locator("figure canvas")
    .evaluateAll((all) => all.map(({ ariaLabel }) => / heat map for \w+/.exec(ariaLabel).input.split(".")[0]));
  assert.deepEqual(
    figures,
    ["dog", "cat"].flatMap((label) =>
      ["Grad-CAM", "LayerCAM", "Grad-CAM++"].map((title) => `${title} heat map for ${label}`),
    ),
  );
  const command = await page.locator("#curl").textContent();
  assert.match(command, /-F method=gradcam -F method=layercam -F method=gradcam\+\+ -F class=1 -F class=0 /);
  const address = page.url();
  assert.equal(new URLSearchParams(new URL(address).hash.slice(1)).get("method"), "gradcam,layercam,gradcam++");
  const second = await browser.open(address);
  await second.waitForFunction(() => document.querySelectorAll("figure").length === 6);
  await page.click("[aria-label='Remove LayerCAM']");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 4);
  assert.equal(await chosen(page), "gradcam,gradcam++");
  assertNoProblems(browser);
});

test("the cost in the menu is that of the chosen layer", async () => {
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  const cost = () => page.locator("#methods [data-method=ablationcam] .method-cost").textContent();
  assert.equal(await cost(), "128 passes");
  await page.selectOption("#explain_layer", "conv2d_1");
  await page.waitForSelector("figure p:has-text('from layer conv2d_1')");
  assert.equal(await cost(), "32 passes");
  assertNoProblems(browser);
});

test("a method of pixels has no layer, and the largest percent of its values is clipped", async () => {
  // 22,276 of 22,500 values are 1, 2, 3 …, so that the 99th percentile is 22,276; the others are far larger.
  const values = Float32Array.from({ length: 150 * 150 }, (_, i) => (i < 22_276 ? i + 1 : 1e6));
  const method = {
    name: "pixels",
    title: "Pixels",
    family: "gradient",
    summary: "A test.",
    reads_layer: false,
    passes: 1,
    paper: "https://example.org/paper",
    resolution: "input",
    range: "signed",
    percentile: 99,
    class_sensitive: false,
    parameters: [],
  };
  const requests = [];
  const proxy = await startProxy(server.address, async (request) => {
    const json = (value) => ({
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    });
    if (request.path.startsWith("/methods?")) return json([method]);
    if (request.path !== "/explain") return;
    requests.push(await fieldsOf(request));
    const headers = {
      "content-type": "application/x-npy",
      "convscope-layer": "conv2d_4",
      "convscope-probability": "0.9",
      "convscope-empty": "false",
      "convscope-saturated": "false",
    };
    return { status: 200, headers, body: npy(150, 150, values) };
  });
  const page = await browser.open(`${proxy}#method=pixels&explain_layer=conv2d_3&view=heatmap&explain_colormap=gray`);
  await waitUntilIdle(page);
  assert.deepEqual(requests, [
    {
      model: "cats_and_dogs_small_1",
      method: "pixels",
      class: "1",
      score: "probability",
      sign: "positive",
    },
  ]);
  assert.equal(await page.locator("#explain_layer").isVisible(), false);
  assert.equal(await chosen(page), "pixels");
  const text = await page.locator("figure .muted").textContent();
  assert.match(
    text,
    /150 × 150 values, one for each pixel of the input\. This method's maps hardly depend on the class\./,
  );
  // The server would draw both signs of a signed map if the command did not choose one.
  assert.match(await page.locator("#curl").textContent(), /-F sign=positive/);
  // In the last of 224 rows of the picture the map is clipped; in the middle it is half of the percentile.
  const gray = await page.locator("figure canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(112, 0, 1, canvas.height);
    return [0, 112, 223].map((y) => data[4 * y]);
  });
  assert.equal(gray[0], 0);
  assert.ok(Math.abs(gray[1] - (255 * 11250) / 22276) < 2, `${gray}`);
  assert.equal(gray[2], 255);
  assertNoProblems(browser);
});

test("a method that the server does not have is an error with the known names, and the menu stays", async () => {
  const page = await browser.open(`${server.address}#method=hirescan`, { allow: /40\d/ });
  await page.waitForSelector("#error:has-text('hirescam')");
  await chooseMethod(page, "hirescam");
  await page.waitForSelector("canvas[aria-label^='HiResCAM heat map']");
  await waitUntilIdle(page);
  assert.equal(await page.locator("#error").isVisible(), false);
  assertNoProblems(browser);
});
