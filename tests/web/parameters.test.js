// The controls for each method's own parameters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoProblems, browser, fewPasses, server, useServerAndBrowser, waitUntilIdle } from "./harness.js";

useServerAndBrowser();

test("every parameter of every method is a control with its range, its default and its help", async () => {
  const methods = await (await fetch(`${server.address}methods?model=cats_and_dogs_small_1`)).json();
  const page = await browser.open(server.address);
  await waitUntilIdle(page);
  for (const method of methods.filter(({ refusal }) => refusal === undefined)) {
    const hash = String(new URLSearchParams([["method", method.name], ...fewPasses(method)]));
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash);
    await page.waitForFunction((name) => document.getElementById("method").value === name, method.name);
    await waitUntilIdle(page);
    const controls = await page.locator("[data-parameter]").evaluateAll((all) =>
      all.map((control) => {
        const field = control.querySelector("input, select");
        const { type, min, max, placeholder } = field;
        const words = [...(field.options ?? [])].map(({ value }) => value);
        const help = document.getElementById(field.getAttribute("aria-describedby")).textContent;
        return { name: control.dataset.parameter, type, min, max, placeholder, words, help, value: field.value };
      }),
    );
    const names = method.parameters.map(({ name }) => name);
    assert.deepEqual(
      controls.map(({ name }) => name),
      names,
      method.name,
    );
    const given = Object.fromEntries(fewPasses(method));
    for (const [i, { name, type, minimum, maximum, words, default: standard, help }] of method.parameters.entries()) {
      const control = controls[i];
      assert.equal(control.help.toLowerCase().startsWith(help.toLowerCase()), true, `${method.name} ${name}`);
      if (type === "integer" || type === "number") {
        assert.deepEqual([control.type, control.min, control.max], ["number", String(minimum), String(maximum)]);
        assert.equal(control.placeholder, standard === undefined ? "by the model" : String(standard));
        assert.equal(control.value, given[name] ?? "", `${method.name} ${name}`);
      } else if (type === "word") assert.deepEqual([control.words, control.value], [words, standard]);
      else if (type === "class") assert.deepEqual(control.words, ["", "0", "1"]);
      else assert.deepEqual([type, control.type], ["switch", "checkbox"]);
    }
  }
  assertNoProblems(browser);
});

test("a changed parameter is sent, is in the command and in the address, and can be reset", async () => {
  const page = await browser.open(`${server.address}#method=rise&masks=16&seed=7`);
  await waitUntilIdle(page);
  assert.equal(await page.locator("#parameter-masks").inputValue(), "16");
  const passes = () => page.locator("figure p").textContent();
  assert.match(await passes(), /It took 16 passes\./);
  await page.fill("#parameter-masks", "24");
  await page.press("#parameter-masks", "Tab");
  await page.waitForSelector("figure p:has-text('It took 24 passes.')");
  await waitUntilIdle(page);
  assert.match(await page.locator("#curl").textContent(), / -F masks=24 -F seed=7 /);
  assert.equal(new URL(page.url()).hash, "#method=rise&masks=24&seed=7");
  // The focus has moved to the next control and stays there.
  assert.equal(await page.evaluate(() => document.activeElement.id), "parameter-cells");
  await page.selectOption("#parameter-baseline", "white");
  await page.waitForFunction(() => location.hash.includes("baseline=white"));
  await waitUntilIdle(page);

  // A value out of range is not sent.
  const address = page.url();
  await page.fill("#parameter-cells", "65");
  await page.press("#parameter-cells", "Tab");
  assert.equal(await page.locator("#parameter-cells").evaluate((field) => field.validity.rangeOverflow), true);
  assert.equal(page.url(), address);

  // Parameters of another method stay in the address and are not sent with this one.
  await page.evaluate(() => {
    location.hash = `${location.hash.replace("method=rise", "method=gradcam")}`;
  });
  await page.waitForSelector("canvas[aria-label^='Grad-CAM heat map for dog. The']");
  await waitUntilIdle(page);
  assert.doesNotMatch(await page.locator("#curl").textContent(), /masks|seed|baseline/);
  await page.check("#parameter-aug_smooth");
  await page.waitForFunction(() => document.getElementById("curl").textContent.includes("aug_smooth=true"));
  await page.click(".parameters >> text=Reset to defaults");
  await page.waitForFunction(() => !document.getElementById("curl").textContent.includes("aug_smooth"));
  assert.equal(await page.locator("#parameter-aug_smooth").isChecked(), false);
  assertNoProblems(browser);
});

test("Finer-CAM takes a class from the list", async () => {
  const page = await browser.open(`${server.address}#model=efficientnet_lite0&picture=coffee&method=finercam`);
  await waitUntilIdle(page);
  await page.fill("#parameter-against", "cup");
  await page.press("#parameter-against", "Enter");
  await page.waitForFunction(() => document.getElementById("curl").textContent.includes("against=cup"));
  await waitUntilIdle(page);
  assert.equal(await page.locator("#error").isVisible(), false);
  assertNoProblems(browser);
});
