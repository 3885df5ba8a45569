// Compares what the page draws with what the API answers, pixel by pixel.

import assert from "node:assert/strict";

/** Gives the page the picture's file and the functions that read pixels. */
export async function prepareComparison(page, file) {
  await page.evaluate(
    (bytes) => {
      const picture = new Blob([new Uint8Array(bytes)]);
      // Reads a copy, because reading switches a canvas to slow software rendering.
      const read = (drawable) => {
        const { width, height } = drawable;
        const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
        context.drawImage(drawable, 0, 0);
        return context.getImageData(0, 0, width, height);
      };
      globalThis.readCanvas = (selector, index) => read(document.querySelectorAll(selector)[index]);
      globalThis.requestPicture = async (path, fields) => {
        const body = new FormData();
        for (const [name, value] of fields) body.append(name, value);
        body.append("image", picture, "picture");
        const answer = await fetch(path, { method: "POST", body, headers: { accept: "image/png" } });
        if (!answer.ok) throw new Error(await answer.text());
        return read(await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" }));
      };
    },
    [...file],
  );
}

/** The pixels of a canvas: `{ width, height, data }`. */
export function canvasPixels(page, selector, index = 0) {
  return page.evaluate(
    ([selector, index]) => {
      const { width, height, data } = globalThis.readCanvas(selector, index);
      return { width, height, data: [...data] };
    },
    [selector, index],
  );
}

/** The pixels of the API's answer to a form with the picture, decoded by the browser. */
export function serverPixels(page, path, fields) {
  return page.evaluate(
    async ([path, fields]) => {
      const { width, height, data } = await globalThis.requestPicture(path, fields);
      return { width, height, data: [...data] };
    },
    [path, fields],
  );
}

/**
 * Compares a canvas with the API's answer: the largest difference of a value, and the share that differs by more than
 * 1.
 */
export function compareWithServer(page, selector, path, fields) {
  return page.evaluate(
    async ([selector, path, fields]) => {
      const [a, b] = [globalThis.readCanvas(selector, 0), await globalThis.requestPicture(path, fields)];
      if (a.width !== b.width || a.height !== b.height) return { largest: Infinity, share: 1 };
      const differences = a.data.map((value, i) => Math.abs(value - b.data[i]));
      const largest = differences.reduce((one, other) => Math.max(one, other), 0);
      return { largest, share: differences.filter((difference) => difference > 1).length / differences.length };
    },
    [selector, path, fields],
  );
}

/** The largest difference of a value of a pixel. */
export function largestDifference(a, b) {
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b.data[i])), 0);
}
