// The API reference at /docs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT, assertNoProblems, browser, server, useServerAndBrowser } from "./harness.js";

useServerAndBrowser();

test("the reference lists every path and executes the operations that take a picture", async () => {
  const page = await browser.open(`${server.address}docs`);
  await page.waitForSelector("#operations-explain-predict");
  const listed = await page
    .locator(".opblock-summary-path")
    .evaluateAll((paths) => paths.map((path) => path.dataset.path));
  const description = await readFile(join(ROOT, "openapi.yaml"), "utf8");
  const described = [...description.matchAll(/^ {2}(\/\S*):$/gm)].map(([, path]) => path);
  assert.deepEqual([...new Set(listed)].sort(), described.sort());
  for (const [name, expected] of [
    ["predict", /"label": "cat"/],
    ["gradcam", /convscope-class: 0/],
    ["activations", /convscope-dead-channels/],
  ]) {
    const operation = page.locator(`#operations-explain-${name}`);
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("input[type=file]").setInputFiles(join(ROOT, "docs/photos/cat.png"));
    await operation.locator("button.execute").click();
    const status = operation.locator(".live-responses-table .response .response-col_status");
    await status.waitFor();
    assert.match(await status.textContent(), /^200/, name);
    assert.match(await operation.locator(".live-responses-table").textContent(), expected);
    // The curl command of the reference works too.
    const command = await operation.locator(".curl-command .curl").textContent();
    const script = `${command} --silent --output /dev/null --write-out '%{http_code}'`;
    const { stdout } = await promisify(execFile)("sh", ["-c", script], { cwd: join(ROOT, "docs/photos") });
    assert.equal(stdout, "200", command);
  }
  assertNoProblems(browser);
});
