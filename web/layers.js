// The panel "What a layer saw": the grid of channels, or one of them.

import { channelFigures, valuesOf } from "./channel.js";
import { COLORMAPS } from "./colormap.js";
import { byId, element, fillSelect } from "./dom.js";
import { channelsOf, columnsOf, describe, focusTile, setUpGridKeys, showGrid } from "./grid.js";
import { pixelsOf } from "./picture.js";
import { channelRequest, gridRequest } from "./requests.js";
import { change, current } from "./state.js";

const ORDERS = [
  ["index", "as numbered"],
  ["mean", "highest mean first"],
  ["max", "highest peak first"],
  ["std", "most contrast first"],
];
const SCALES = [
  ["standard", "each channel, mean and spread"],
  ["minmax", "each channel, lowest to highest"],
  ["layer", "all channels alike"],
];

const parts = {};
/** The layer in the grid, to step through its channels in the order shown. */
let shownLayer = null;

/** Builds the panel once. */
export function setUpLayers() {
  parts.title = element("h2", { tabIndex: -1 });
  parts.words = element("p", { class: "words" });
  parts.told = element("output", { class: "readout" });
  parts.grid = element("div", { class: "grid", role: "group" });
  parts.one = element("div", { class: "one", hidden: true });
  const chooser = (id, label, name) => {
    const select = element("select", { id, onchange: () => change({ [name]: select.value }) });
    parts[name] = select;
    return element("label", { class: "choice", for: id }, label, select);
  };
  parts.controls = element(
    "div",
    { class: "controls" },
    chooser("order", "Order ", "order"),
    chooser("normalize", "Scale ", "normalize"),
    chooser("colors", "Colours ", "colors"),
  );
  parts.steps = element("div", { class: "steps", hidden: true });
  parts.controls.append(parts.steps);
  byId("layers").replaceChildren(parts.title, parts.words, parts.controls, parts.told, parts.grid, parts.one);
  setUpGridKeys(parts.grid);
}

/** Draws what the state asks for. `context` has `state` with the layer filled in, `model`, `picture`, `signal`. */
export async function showLayers(context) {
  const { state } = context;
  fillSelect(parts.order, ORDERS, state.order);
  fillSelect(parts.normalize, SCALES, state.normalize);
  fillSelect(parts.colors, COLORMAPS, state.colors);
  const key = [state.model, context.picture.id, state.layer, state.order, state.normalize, state.colors].join("|");
  if (shownLayer?.key !== key) {
    byId("layers").setAttribute("aria-busy", "true");
    const layer = await channelsOf(context);
    shownLayer = { ...layer, key };
    showGrid(parts.grid, layer, (channel) => {
      parts.told.textContent = describe(channel);
    });
  }
  byId("layers").setAttribute("aria-busy", "false");
  await (state.channel === "" ? showAll(context) : showOne(context));
}

function showAll({ state }) {
  const wasOne = !parts.one.hidden;
  const left = parts.one.dataset.channel;
  parts.one.hidden = parts.steps.hidden = true;
  parts.grid.hidden = false;
  parts.controls.classList.remove("narrowed");
  const [channels, height, width] = shownLayer.shape;
  const dead = shownLayer.dead.length;
  parts.title.textContent = state.layer;
  parts.words.textContent =
    `${channels} channels, each a map of ${height} × ${width} values: bright where the channel found what it looks for. ` +
    (dead > 0 ? `${dead} found nothing anywhere and ${dead === 1 ? "is" : "are"} hatched. ` : "") +
    "Choose one to see it large.";
  parts.told.textContent = "Point at a tile to read its numbers.";
  if (wasOne) focusTile(parts.grid, left);
}

async function showOne(context) {
  const { state, model, picture, signal } = context;
  const [values, shown] = await Promise.all([valuesOf(context), pixelsOf(picture, model, signal)]);
  const index = Number(state.channel);
  const place = shownLayer.channels.findIndex((channel) => channel.index === index);
  const channel = shownLayer.channels[place];
  const label = `${state.layer}, channel ${index}`;
  const { frames, bar, readout } = channelFigures(values, { model, picture, shown, colors: state.colors, label });
  const step = (by, name, text) => {
    const target = shownLayer.channels[place + by];
    return element("button", {
      type: "button",
      class: "button",
      textContent: text,
      "aria-label": name,
      disabled: !target,
      data: { step: String(by) },
      onclick: () => change({ channel: target.index }),
    });
  };
  const back = element("button", {
    type: "button",
    class: "button",
    textContent: "All channels",
    onclick: () => change({ channel: "" }),
  });
  const focused = document.activeElement?.dataset.step;
  const hadFocus = document.activeElement?.classList.contains("tile");
  parts.title.textContent = label;
  parts.words.textContent = `${describe(channel)}.`.replace(/^./, (first) => first.toUpperCase());
  parts.told.textContent = "";
  parts.steps.replaceChildren(step(-1, "Channel before", "‹ Before"), step(1, "Next channel", "Next ›"), back);
  parts.one.replaceChildren(element("div", { class: "pair" }, ...frames, bar), readout);
  parts.one.dataset.channel = state.channel;
  parts.one.hidden = parts.steps.hidden = false;
  parts.grid.hidden = true;
  parts.controls.classList.add("narrowed");
  if (focused) parts.steps.querySelector(`[data-step="${focused}"]`).focus();
  else if (hadFocus) back.focus();
}

/** What is on screen, as a request. */
export function layersRequest(state) {
  return current().channel === "" ? gridRequest(state, columnsOf(parts.grid)) : channelRequest(state);
}
