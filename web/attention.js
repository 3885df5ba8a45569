// Attention: the heads of one attention as channels, and the token whose attention they show. A click on a patch of the
// picture chooses it.

import { cropOf } from "./crop.js";
import { showCrosshair, trackPosition } from "./crosshair.js";
import { element } from "./dom.js";
import { change } from "./state.js";

/** The layers of a model and its attentions, which `/activations` takes alike. */
export function layersOf(model) {
  const attentions = model.attentions.map(({ name, heads, keys }) => {
    return { name, kind: "attention", shape: [...keys, heads], parameters: 0 };
  });
  return [...model.layers, ...attentions];
}

/** The attention that the state's layer is; undefined for another layer. */
export function attentionOf(model, name) {
  return model.attentions.find((attention) => attention.name === name);
}

/** The query of the state, else the default of the API. */
export function queryOf(state, attention) {
  return state.query || (attention.prefix_tokens > 0 ? "class" : "mean");
}

/** The picture on which a patch is chosen, and a button for each query that is no patch. */
export function queryPicker({ state, model, picture }, decoded, attention) {
  const query = queryOf(state, attention);
  const [rows, columns] = attention.queries;
  const button = (name, text) =>
    element("button", {
      type: "button",
      class: "button",
      textContent: text,
      "aria-pressed": String(query === name),
      onclick: () => change({ query: name }),
    });
  const buttons = [
    attention.prefix_tokens > 0 ? button("class", "Class token") : null,
    rows > 0 ? button("mean", "Mean of all tokens") : null,
  ].filter(Boolean);
  const hint = element("p", { class: "muted", textContent: describeQuery(query) });
  const controls = element("div", { class: "query-controls" }, element("div", { class: "row" }, ...buttons), hint);
  if (rows === 0) return element("div", { class: "query" }, controls);
  return element("div", { class: "query" }, patches({ model, picture }, decoded, query, rows, columns), controls);
}

/** What the heads show. */
export function describeQuery(query) {
  const who = {
    class: "the class token reads",
    mean: "all tokens read in the mean",
  };
  const [row, column] = query.split(",");
  return `Each tile is a head: how much ${who[query] ?? `the patch in row ${row}, column ${column} reads`} each patch. Click a patch of the picture to see what it reads.`;
}

function patches({ model, picture }, decoded, query, rows, columns) {
  const crop = cropOf(model.input, decoded);
  const image = element("img", { src: URL.createObjectURL(decoded.blob), alt: picture.alt });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  const crosshair = element("span", { class: "crosshair", hidden: true });
  const cell = element("span", { class: "query-cell", hidden: true });
  const [row, column] = query.split(",").map(Number);
  if (Number.isInteger(row) && Number.isInteger(column)) {
    Object.assign(cell.style, {
      left: `${(crop.x + (column / columns) * crop.width) * 100}%`,
      top: `${(crop.y + (row / rows) * crop.height) * 100}%`,
      width: `${(crop.width / columns) * 100}%`,
      height: `${(crop.height / rows) * 100}%`,
    });
    cell.hidden = false;
  }
  const plot = element(
    "div",
    {
      class: "plot query-plot",
      tabIndex: 0,
      role: "application",
      "aria-label": `The picture in ${rows} × ${columns} patches. Arrow keys move, Enter chooses a patch.`,
    },
    image,
    cell,
    crosshair,
  );
  let chosen = null;
  const onMove = (x, y) => {
    const [inX, inY] = [(x - crop.x) / crop.width, (y - crop.y) / crop.height];
    const isInside = [inX, inY].every((share) => share >= 0 && share < 1);
    chosen = isInside ? `${Math.floor(inY * rows)},${Math.floor(inX * columns)}` : null;
    if (isInside) showCrosshair(crosshair, x, y);
    else crosshair.hidden = true;
  };
  const choose = () => {
    if (chosen !== null) change({ query: chosen });
  };
  trackPosition(plot, { width: columns / crop.width, height: rows / crop.height }, onMove, () => {
    crosshair.hidden = true;
  });
  plot.addEventListener("click", choose);
  plot.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
  return plot;
}
