// The page draws the same pixels as the server, and the curl command writes the same file as the download.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  canvasPixels,
  compareWithServer,
  largestDifference,
  prepareComparison,
  serverPixels,
} from "./compare-pixels.js";
import {
  CAT,
  CAT_AND_DOG,
  assertNoProblems,
  browser,
  fewPasses,
  server,
  useServerAndBrowser,
  waitUntilIdle,
} from "./harness.js";

useServerAndBrowser();

/** The page with the view of `hash` and `picture` as the user's own picture. */
async function openWith(picture, hash) {
  const page = await browser.open(`${server.address}#${hash}`);
  await page.setInputFiles("#file", picture);
  await page.waitForFunction(() => document.querySelector("#picture").alt.startsWith("your picture"));
  await waitUntilIdle(page);
  await prepareComparison(page, await readFile(picture));
  return page;
}

test("heat maps equal the server's: every view, colour map, sign, score and method", async () => {
  const page = await openWith(CAT_AND_DOG, "model=vgg16_cats_dogs");
  const picture = new URL(page.url()).hash.match(/picture=([^&]*)/)[1];
  const methods = await (await fetch(`${server.address}methods?model=vgg16_cats_dogs`)).json();
  const usable = methods.filter(({ refusal }) => refusal === undefined);
  assert.equal(usable.length, methods.length - 4, "all but cam and those of attentions");
  const colormaps = await page.locator("#explain_colormap option").evaluateAll((all) => all.map(({ value }) => value));
  assert.equal(colormaps.length, 11);
  const cases = [
    ...colormaps.map((colormap) => ({ view: "overlay", colormap, alpha: "0.4" })),
    ...colormaps.map((colormap) => ({ view: "heatmap", colormap })),
    { view: "mask", colormap: "viridis" },
    { view: "overlay", colormap: "jet", alpha: "1" },
    { view: "overlay", colormap: "jet", alpha: "0" },
    { view: "heatmap", colormap: "gray", sign: "negative" },
    { view: "heatmap", colormap: "gray", score: "logit" },
    { view: "heatmap", colormap: "gray", layer: "block4_conv3" },
    { view: "overlay", colormap: "rdbu", sign: "both", alpha: "0.8" },
    { view: "heatmap", colormap: "coolwarm", sign: "both" },
    { view: "mask", colormap: "rdbu", sign: "both" },
    { view: "cells", colormap: "viridis" },
    { view: "cells", colormap: "gray", sign: "negative" },
    { view: "cells", colormap: "seismic", sign: "both" },
    ...usable.map((method) => ({
      view: "heatmap",
      colormap: "gray",
      method: method.name,
      readsLayer: method.reads_layer,
      parameters: fewPasses(method),
    })),
  ];
  const wrong = [];
  for (const {
    view,
    colormap,
    alpha = "0.4",
    sign = "positive",
    score = "probability",
    layer = "block5_conv3",
    method = "gradcam",
    readsLayer = true,
    parameters = [],
  } of cases) {
    const hash =
      `model=vgg16_cats_dogs&picture=${picture}&class=0&view=${view}&explain_colormap=${colormap}` +
      `&alpha=${alpha}&sign=${sign}&score=${score}&explain_layer=${layer}&${new URLSearchParams([["method", method], ...parameters])}`;
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash);
    await page.waitForFunction(
      ([view, sign, score, layer, method]) => {
        const { elements } = document.querySelector(".settings");
        return (
          elements.view.value === view &&
          elements.sign.value === sign &&
          elements.score.value === score &&
          elements.explain_layer.value === layer &&
          elements.method.value === method
        );
      },
      [view, sign, score, layer, method],
    );
    await waitUntilIdle(page);
    const fields = [
      ["model", "vgg16_cats_dogs"],
      ["class", "0"],
      ["view", view],
      ["colormap", colormap],
      ["alpha", alpha],
      ["sign", sign],
      ["score", score],
      ...(readsLayer ? [["layer", layer]] : []),
      ["method", method],
      ...parameters,
    ];
    const { largest, share } = await compareWithServer(page, "figure canvas", "explain", fields);
    // Rounding may move heat to the adjacent row of the colour map, which differs by 8 at most, and the sum by 1.
    const limit = view === "mask" ? 1 : 9;
    if (largest > limit || share > 1e-3)
      wrong.push({ view, colormap, alpha, sign, score, layer, method, largest, share });
  }
  assert.deepEqual(wrong, []);
  assertNoProblems(browser);
});

test("a percentile clips as the server's does", async () => {
  const page = await openWith(CAT_AND_DOG, "view=heatmap&explain_colormap=gray&percentile=60");
  const fields = [
    ["view", "heatmap"],
    ["colormap", "gray"],
    ["percentile", "60"],
  ];
  const { largest } = await compareWithServer(page, "figure canvas", "gradcam", fields);
  assert.ok(largest <= 1, `${largest}`);
  assert.match(await page.locator("#curl").textContent(), /-F percentile=60 /);
  const brightness = async () =>
    (await canvasPixels(page, "figure canvas")).data.reduce((sum, value) => sum + value, 0);
  const clipped = await brightness();
  await page.fill("#percentile", "100");
  await page.press("#percentile", "Tab");
  await page.waitForFunction(() => location.hash.includes("percentile=100"));
  assert.ok((await brightness()) < clipped, "without clipping less is bright");
  assertNoProblems(browser);
});

test("with a shared scale, the maps of two classes have the ratio of their maxima", async () => {
  const page = await openWith(CAT_AND_DOG, "view=heatmap&explain_colormap=gray&score=logit");
  // A new picture has no classes to compare.
  await page.evaluate(() => {
    location.hash += "&class=0&compare=1";
  });
  await page.waitForFunction(() => document.querySelectorAll("figure canvas").length === 2);
  await waitUntilIdle(page);
  const brightest = async () => {
    const both = await Promise.all([0, 1].map((index) => canvasPixels(page, "figure canvas", index)));
    return both.map(({ data }) => data.reduce((most, value, i) => (i % 4 === 0 ? Math.max(most, value) : most), 0));
  };
  const own = await brightest();
  await page.click("text=all maps");
  await page.waitForFunction(() => location.hash.includes("scale=shared"));
  const shared = await brightest();
  const body = new FormData();
  for (const [name, value] of [
    ["class", "0"],
    ["class", "1"],
    ["score", "logit"],
  ])
    body.append(name, value);
  body.append("image", new Blob([await readFile(CAT_AND_DOG)]), "picture");
  const headers = { accept: "application/json" };
  const answer = await fetch(`${server.address}gradcam`, { method: "POST", body, headers });
  const maxima = (await answer.json()).maps.map(({ max }) => max);
  const largest = Math.max(...maxima);
  for (const index of [0, 1]) {
    const expected = (own[index] * maxima[index]) / largest;
    assert.ok(Math.abs(shared[index] - expected) <= 2, `${index}: ${shared} instead of ${expected}`);
  }
  assert.notEqual(shared[0], shared[1]);
  assert.match(await page.locator("#curl").textContent(), /-F scale=shared /);
  assertNoProblems(browser);
});

test("the heat map of a model that crops is in the same place as the server's", async () => {
  const page = await openWith(CAT, "model=efficientnet_lite0&view=heatmap&explain_colormap=gray");
  const drawn = await serverPixels(page, "gradcam", [
    ["model", "efficientnet_lite0"],
    ["view", "heatmap"],
    ["colormap", "gray"],
  ]);
  const painted = await canvasPixels(page, "figure canvas");
  assert.ok(largestDifference(drawn, painted) <= 1);
  // Of 451 × 300 pixels the model gets a centred square, 224/256 of the height.
  const at = (x, y) => drawn.data[4 * (y * 451 + x)];
  assert.equal(Math.max(at(90, 150), at(225, 15), at(360, 150), at(225, 284)), 0);
  assert.ok(drawn.data.some((value, i) => i % 4 === 0 && value > 250));
  assertNoProblems(browser);
});

test("the tiles of the grid equal the server's, in the order chosen", async () => {
  const page = await openWith(CAT_AND_DOG, "tab=activations&layer=conv2d_4&order=max&normalize=minmax&colormap=magma");
  const fields = [
    ["layer", "conv2d_4"],
    ["order", "max"],
    ["normalize", "minmax"],
    ["colormap", "magma"],
    ["columns", "1"],
    ["zoom", "1"],
    ["titles", "false"],
  ];
  const { width, data } = await serverPixels(page, "activations", fields);
  assert.equal(width, 15);
  for (const position of [0, 1, 15, 16, 77, 127]) {
    const tile = await canvasPixels(page, ".tile canvas", position);
    const start = 4 * 15 * 15 * position;
    assert.equal(
      largestDifference(tile, { width: 15, height: 15, data: data.slice(start, start + 4 * 15 * 15) }),
      0,
      `tile ${position}`,
    );
  }
  assertNoProblems(browser);
});

test("the grid has the colours of the server's grid of as many columns, in windows of any width", async () => {
  const page = await openWith(CAT_AND_DOG, "tab=activations&layer=max_pooling2d_2");
  // Of 64 channels 10 would fit in a row of the first window; 8 leave no row incomplete.
  for (const [width, columns] of [
    [1440, 8],
    [860, 8],
    [500, 4],
  ]) {
    await page.setViewportSize({ width, height: 950 });
    await page.waitForSelector(`#curl:has-text("columns=${columns} ")`);
    const shown = await page.evaluate(
      () => getComputedStyle(document.querySelector(".grid")).gridTemplateColumns.split(" ").length,
    );
    assert.equal(shown, columns);
    const grid = await serverPixels(page, "activations", [
      ["layer", "max_pooling2d_2"],
      ["columns", String(columns)],
      ["zoom", "1"],
      ["titles", "false"],
    ]);
    for (const position of [0, 12, 63]) {
      const [left, top] = [36 * (position % columns), 36 * Math.floor(position / columns)];
      const rows = Array.from({ length: 36 }, (_, y) => {
        const start = 4 * ((top + y) * grid.width + left);
        return grid.data.slice(start, start + 4 * 36);
      });
      const tile = await canvasPixels(page, ".tile canvas", position);
      assert.equal(
        largestDifference(tile, { width: 36, height: 36, data: rows.flat() }),
        0,
        `tile ${position} in ${width} pixels`,
      );
    }
  }
  assertNoProblems(browser);
});

test("a channel has the server's pixels, and the readout shows the value at the crosshair", async () => {
  const page = await openWith(CAT_AND_DOG, "tab=activations&layer=conv2d_4&channel=17&colormap=gray");
  const drawn = await serverPixels(page, "activations", [
    ["layer", "conv2d_4"],
    ["channel", "17"],
    ["colormap", "gray"],
    ["zoom", "1"],
  ]);
  assert.equal(largestDifference(drawn, await canvasPixels(page, "canvas.channel-map")), 0);
  const body = new FormData();
  body.append("image", new Blob([await readFile(CAT_AND_DOG)]), "picture");
  body.append("layer", "conv2d_4");
  const headers = { accept: "application/json" };
  const answer = await fetch(`${server.address}activations`, { method: "POST", body, headers });
  const statistics = (await answer.json()).layers[0].channels[17];
  const [high, low] = await page.locator("#activations .colorbar span").allTextContents();
  assert.ok(Math.abs(Number(high) - statistics.max) <= 0.005 * statistics.max, `${high} ${statistics.max}`);
  assert.equal(Number(low), statistics.min);
  // At the brightest pixel the readout shows the maximum.
  const brightest = drawn.data.findIndex((value, i) => i % 4 === 0 && value === 255) / 4;
  const [row, column] = [Math.floor(brightest / 15), brightest % 15];
  const box = await page.locator("canvas.channel-map").boundingBox();
  await page.mouse.move(box.x + ((column + 0.5) * box.width) / 15, box.y + ((row + 0.5) * box.height) / 15);
  assert.equal(
    await page.locator("#activations .channel .readout").textContent(),
    `row ${row}, column ${column}: ${high}`,
  );
  assert.equal(await page.locator(".channel .crosshair:visible").count(), 2);
  assertNoProblems(browser);
});

test("the curl command writes the file that the download button gives", async () => {
  const folder = await mkdtemp(join(tmpdir(), "convscope-curl-"));
  const oddName = join(folder, 'my cat; it\'s "big".png');
  await copyFile(CAT, oddName);
  const views = [
    "picture=cat",
    "picture=cat&method=hirescam",
    "picture=coffee&model=efficientnet_lite0&compare=550&view=heatmap&sign=negative&explain_colormap=viridis",
    "picture=cat&tab=activations&layer=conv2d_2&order=mean&normalize=layer&colormap=turbo",
    "picture=cat&tab=activations&layer=conv2d_2&channel=3&colormap=gray",
  ];
  const pages = [];
  for (const hash of views) {
    const page = await browser.open(`${server.address}#${hash}`);
    await waitUntilIdle(page);
    pages.push(page);
  }
  pages.push(await openWith(oddName, "score=logit&view=mask"));
  for (const page of pages) {
    const command = await page.locator("#curl").textContent();
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    const name = file.suggestedFilename();
    await promisify(execFile)("sh", ["-c", command], { cwd: folder });
    assert.ok((await readdir(folder)).includes(name), `${command} writes ${name}`);
    const [written, downloaded] = await Promise.all([readFile(join(folder, name)), readFile(await file.path())]);
    assert.equal(written.toString("latin1", 1, 4), "PNG", command);
    assert.ok(written.equals(downloaded), command);
  }
  await rm(folder, { recursive: true });
  assertNoProblems(browser);
});

test("the copy button copies the command to the clipboard", async () => {
  const page = await browser.open(server.address, { permissions: ["clipboard-read", "clipboard-write"] });
  await waitUntilIdle(page);
  await page.click("#copy");
  await page.waitForSelector("#copy:text('Copied')");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator("#curl").textContent());
  assertNoProblems(browser);
});
