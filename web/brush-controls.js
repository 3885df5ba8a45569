// The controls of the brush: its size, what it covers the picture with, and what to do with the painted picture.

import { element, fillSelect } from "./dom.js";
import { change, current } from "./state.js";
import { FILLS, formatStrokes } from "./strokes.js";

/**
 * `{ node, radius, update }`: the controls, the radius of the brush in thousandths of the picture's longer side, and a
 * function that takes the number of strokes. `strokes()` returns the finished strokes, `paintedFile()` the picture.
 */
export function createBrushControls({ strokes, onSize, onUse, paintedFile }) {
  const size = element("input", { type: "range", id: "brush-size", min: 10, max: 150, value: 50, oninput: onSize });
  const fill = element("select", { id: "brush-fill", onchange: () => change({ brush_fill: fill.value }) });
  const button = (id, textContent, onclick) =>
    element("button", { type: "button", class: "button", id, textContent, onclick });
  const buttons = [
    button("brush-undo", "Undo", () => change({ brush: formatStrokes(strokes().slice(0, -1)) })),
    button("brush-clear", "Clear", () => change({ brush: "" })),
    button("brush-use", "Explain it", async () => onUse(await paintedFile())),
    button("brush-save", "Save", async () => save(await paintedFile())),
  ];
  const hint = element("p", { class: "hint", textContent: "Paint over the picture. The predictions below follow." });
  const node = element(
    "div",
    { class: "brush-controls" },
    hint,
    element("label", { for: "brush-size", textContent: "Size" }),
    size,
    element("label", { for: "brush-fill", textContent: "Cover with" }),
    fill,
    element("div", { class: "brush-buttons" }, ...buttons),
  );
  const update = (count) => {
    fillSelect(fill, FILLS, current().brush_fill);
    for (const each of buttons) each.disabled = count === 0;
  };
  return { node, radius: () => Number(size.value), update };
}

function save(file) {
  const link = element("a", { href: URL.createObjectURL(file), download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
