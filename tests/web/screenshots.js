// Takes the screenshots in docs/: run `npm run screenshots`, or `npm run screenshots page-brush` for a single one. Then
// look at them. Needs pngquant, which reduces them to
// 256 colours.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ROOT, waitUntilIdle, startBrowser, startServer } from "./harness.js";

const SCREENSHOTS = {
  "page-compare": { hash: "model=vgg16_cats_dogs&class=0&compare=1&alpha=0.5" },
  "page-layer": { hash: "tab=activations&layer=conv2d_1&picture=cat" },
  "page-channel": {
    hash: "model=vgg16_cats_dogs&picture=cat&tab=activations&layer=block4_conv2&channel=7",
    colorScheme: "light",
    point: ".channel-map",
  },
  "page-thousand": {
    hash: "model=efficientnet_lite0&picture=coffee&alpha=0.5",
    colorScheme: "light",
    point: "figure canvas",
  },
  "page-menu": { hash: "model=vgg16_cats_dogs", click: "#method" },
  "page-methods": {
    hash:
      "model=vgg16_cats_dogs&method=gradcam,layercam,rise,smoothgrad_squared,lrp,occlusion&all_explained=true" +
      "&masks=150&samples=8",
    viewport: { width: 1440, height: 1330 },
  },
  "page-brush": {
    hash: "model=vgg16_cats_dogs&brush=110.480.140.470.300.440.420_110.560.200.560.400",
    colorScheme: "light",
  },
  "page-narrow": { hash: "model=vgg16_cats_dogs&class=0", viewport: { width: 360, height: 1420 } },
};

const [only] = process.argv.slice(2);
const server = await startServer();
const browser = await startBrowser();
for (const [name, { hash, point, click, viewport = { width: 1440, height: 960 }, ...options }] of Object.entries(
  SCREENSHOTS,
)) {
  if (only && only !== name) continue;
  const page = await browser.open(`${server.address}#${hash}`, { viewport, reducedMotion: "reduce", ...options });
  // Some methods take hundreds of passes.
  page.setDefaultTimeout(600_000);
  await waitUntilIdle(page);
  if (click) await page.click(click);
  if (point) {
    const { x, y, width, height } = await page.locator(point).boundingBox();
    await page.mouse.move(x + 0.655 * width, y + 0.28 * height);
  }
  // The default address instead of the random port of this run.
  await page.evaluate((address) => {
    const curl = document.getElementById("curl");
    curl.textContent = curl.textContent.replaceAll(address, "http://localhost:8080/");
  }, server.address);
  const path = join(ROOT, "docs", `${name}.png`);
  await page.screenshot({ path });
  execFileSync("pngquant", ["--force", "--skip-if-larger", "--speed", "1", "--strip", "--output", path, "256", path]);
}
await browser.stop();
await server.stop();
