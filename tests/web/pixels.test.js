// What the page paints by itself is what the server draws, to the pixel; and the command it shows gives that very file.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  BOTH,
  CAT,
  assertSilent,
  browser,
  comparedToServer,
  difference,
  drawnByServer,
  pixelsOf,
  prepareComparison,
  server,
  settled,
  useServerAndBrowser,
} from "./stand.js";

const COLORMAPS = ["viridis", "jet", "inferno", "magma", "plasma", "cividis", "turbo", "gray"];

useServerAndBrowser();

/** The page with a picture chosen, in the view that the address tells. */
async function showing(picture, hash) {
  const page = await browser.open(`${server.address}#${hash}`);
  await page.setInputFiles("#file", picture);
  await page.waitForFunction(() => document.querySelector("#picture").alt.startsWith("your picture"));
  await settled(page);
  await prepareComparison(page, await readFile(picture));
  return page;
}

test("heat maps: every drawing, in every colour map, for and against, of both scores", async () => {
  const page = await showing(BOTH, "model=vgg16_cats_dogs");
  const own = new URL(page.url()).hash.match(/picture=([^&]*)/)[1];
  const cases = [
    ...COLORMAPS.map((colors) => ({ draw: "overlay", colors, alpha: "0.4" })),
    ...COLORMAPS.map((colors) => ({ draw: "heatmap", colors })),
    { draw: "mask", colors: "viridis" },
    { draw: "overlay", colors: "jet", alpha: "1" },
    { draw: "overlay", colors: "jet", alpha: "0" },
    { draw: "heatmap", colors: "gray", sign: "negative" },
    { draw: "heatmap", colors: "gray", score: "logit" },
    { draw: "heatmap", colors: "gray", explained: "block4_conv3" },
  ];
  const wrong = [];
  for (const {
    draw,
    colors,
    alpha = "0.4",
    sign = "positive",
    score = "probability",
    explained = "block5_conv3",
  } of cases) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `model=vgg16_cats_dogs&picture=${own}&class=0&draw=${draw}&heatcolors=${colors}&alpha=${alpha}&sign=${sign}&score=${score}&explained=${explained}`);
    await page.waitForFunction(
      ([draw, sign, score, explained]) => {
        const { elements } = document.querySelector(".side-controls");
        return (
          elements.draw.value === draw &&
          elements.sign.value === sign &&
          elements.score.value === score &&
          elements.explained.value === explained
        );
      },
      [draw, sign, score, explained],
    );
    await settled(page);
    const fields = [
      ["model", "vgg16_cats_dogs"],
      ["class", "0"],
      ["view", draw],
      ["colormap", colors],
      ["alpha", alpha],
      ["sign", sign],
      ["score", score],
      ["layer", explained],
    ];
    const { largest, share } = await comparedToServer(page, "figure canvas", "gradcam", fields);
    // Heat on the border of two levels may fall either way: one row of a colour map.
    const limit = draw === "mask" ? 1 : 9;
    if (largest > limit || share > 1e-3) wrong.push({ draw, colors, alpha, sign, score, explained, largest, share });
  }
  assert.deepEqual(wrong, []);
  assertSilent(browser);
});

test("the heat of a network that crops lies where the server draws it", async () => {
  const page = await showing(CAT, "model=efficientnet_lite0&draw=heatmap&heatcolors=gray");
  const drawn = await drawnByServer(page, "gradcam", [
    ["model", "efficientnet_lite0"],
    ["view", "heatmap"],
    ["colormap", "gray"],
  ]);
  const painted = await pixelsOf(page, "figure canvas");
  assert.ok(difference(drawn, painted) <= 1);
  // 451 × 300, of which the middle 224/256 of the height is seen.
  const at = (x, y) => drawn.data[4 * (y * 451 + x)];
  assert.equal(Math.max(at(90, 150), at(225, 15), at(360, 150), at(225, 284)), 0);
  assert.ok(drawn.data.some((value, i) => i % 4 === 0 && value > 250));
  assertSilent(browser);
});

test("the grid is cut up without a pixel lost, whatever the order", async () => {
  const page = await showing(BOTH, "view=layers&layer=conv2d_4&order=max&normalize=minmax&colors=magma");
  const fields = [
    ["layer", "conv2d_4"],
    ["order", "max"],
    ["normalize", "minmax"],
    ["colormap", "magma"],
    ["columns", "1"],
  ];
  const { width, data } = await drawnByServer(page, "activations", fields);
  assert.equal(width, 15);
  for (const place of [0, 1, 15, 16, 77, 127]) {
    const tile = await pixelsOf(page, ".tile canvas", place);
    const from = 4 * 15 * 15 * place;
    assert.equal(
      difference(tile, { width: 15, height: 15, data: data.slice(from, from + 4 * 15 * 15) }),
      0,
      `tile ${place}`,
    );
  }
  assertSilent(browser);
});

test("one channel: the same pixels as the server's, and the value under the cursor", async () => {
  const page = await showing(BOTH, "view=layers&layer=conv2d_4&channel=17&colors=gray");
  const drawn = await drawnByServer(page, "activations", [
    ["layer", "conv2d_4"],
    ["channel", "17"],
    ["colormap", "gray"],
    ["zoom", "1"],
  ]);
  assert.equal(difference(drawn, await pixelsOf(page, "canvas.map")), 0);
  const answer = new FormData();
  answer.append("image", new Blob([await readFile(BOTH)]), "picture");
  answer.append("layer", "conv2d_4");
  const headers = { accept: "application/json" };
  const statistics = (
    await (await fetch(`${server.address}activations`, { method: "POST", body: answer, headers })).json()
  ).layers[0].channels[17];
  const [high, low] = await page.locator("#layers .colorbar span").allTextContents();
  assert.ok(Math.abs(Number(high) - statistics.max) <= 0.005 * statistics.max, `${high} ${statistics.max}`);
  assert.equal(Number(low), statistics.min);
  // Over the brightest pixel stands the maximum.
  const brightest = drawn.data.findIndex((value, i) => i % 4 === 0 && value === 255) / 4;
  const [row, column] = [Math.floor(brightest / 15), brightest % 15];
  const box = await page.locator("canvas.map").boundingBox();
  await page.mouse.move(box.x + ((column + 0.5) * box.width) / 15, box.y + ((row + 0.5) * box.height) / 15);
  assert.equal(await page.locator("#layers .one .readout").textContent(), `row ${row}, column ${column}: ${high}`);
  assert.equal(await page.locator(".one .cross:visible").count(), 2);
  assertSilent(browser);
});

test("the command gives the file that the button gives", async () => {
  const folder = await mkdtemp(join(tmpdir(), "convscope-curl-"));
  const odd = join(folder, 'my cat; it\'s "big".png');
  await copyFile(CAT, odd);
  const views = [
    "picture=cat",
    "picture=coffee&model=efficientnet_lite0&versus=550&draw=heatmap&sign=negative&heatcolors=viridis",
    "picture=cat&view=layers&layer=conv2d_2&order=mean&normalize=layer&colors=turbo",
    "picture=cat&view=layers&layer=conv2d_2&channel=3&colors=gray",
  ];
  const pages = [];
  for (const hash of views) {
    const page = await browser.open(`${server.address}#${hash}`);
    await settled(page);
    pages.push(page);
  }
  pages.push(await showing(odd, "score=logit&draw=mask"));
  for (const page of pages) {
    const command = await page.locator("#curl").textContent();
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    const name = file.suggestedFilename();
    await promisify(execFile)("sh", ["-c", command], { cwd: folder });
    assert.ok((await readdir(folder)).includes(name), `${command} makes ${name}`);
    const [made, downloaded] = await Promise.all([readFile(join(folder, name)), readFile(await file.path())]);
    assert.equal(made.toString("latin1", 1, 4), "PNG", command);
    assert.ok(made.equals(downloaded), command);
  }
  await rm(folder, { recursive: true });
  assertSilent(browser);
});

test("the copy button puts the command into the clipboard", async () => {
  const page = await browser.open(server.address, { permissions: ["clipboard-read", "clipboard-write"] });
  await settled(page);
  await page.click("#copy");
  await page.waitForSelector("#copy:text('Copied')");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator("#curl").textContent());
  assertSilent(browser);
});
