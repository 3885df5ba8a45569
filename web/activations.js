// The Activations tab: the grid of a layer's channels, or one channel beside the picture.

import { attentionOf, layersOf, queryPicker } from "./attention.js";
import { channelPlots, loadChannel } from "./channel.js";
import { COLORMAPS } from "./colormap.js";
import { byId, element, fillSelect } from "./dom.js";
import { columnsFor, describeChannel, focusTile, loadGrid, setColumns, setUpGridKeys, showGrid } from "./grid.js";
import { decodePicture } from "./picture.js";
import { channelRequest, gridRequest } from "./requests.js";
import { change } from "./state.js";

const ORDERS = [
  ["index", "index"],
  ["mean", "highest mean first"],
  ["max", "highest maximum first"],
  ["std", "highest std first"],
];
const NORMALIZATIONS = [
  ["standard", "per channel, mean and std"],
  ["minmax", "per channel, min to max"],
  ["layer", "whole layer, min to max"],
];

const parts = {};
/** The layer in the grid. Its channels are in the order shown. */
let grid = null;

/** Builds the panel once. */
export function setUpActivations() {
  parts.title = element("h2", { tabIndex: -1 });
  parts.description = element("p", { class: "muted" });
  parts.readout = element("output", { class: "readout" });
  parts.grid = element("div", { class: "grid", role: "group" });
  parts.channel = element("div", { class: "channel", hidden: true });
  parts.query = element("div", { hidden: true });
  const field = (key, label) => {
    const select = element("select", { id: key, onchange: () => change({ [key]: select.value }) });
    parts[key] = select;
    return element("label", { class: "field", for: key }, label, select);
  };
  parts.navigation = element("div", { class: "channel-navigation", hidden: true });
  parts.toolbar = element(
    "div",
    { class: "toolbar" },
    field("order", "Order "),
    field("normalize", "Normalize "),
    field("colormap", "Colormap "),
    parts.navigation,
  );
  byId("activations").replaceChildren(
    parts.title,
    parts.description,
    parts.query,
    parts.toolbar,
    parts.readout,
    parts.grid,
    parts.channel,
  );
  setUpGridKeys(parts.grid);
}

/** Shows what the state says. `context` is `{ state, model, picture, signal }`; the state names the layer. */
export async function showActivations(context) {
  const { state, model } = context;
  fillSelect(parts.order, ORDERS, state.order);
  fillSelect(parts.normalize, NORMALIZATIONS, state.normalize);
  fillSelect(parts.colormap, COLORMAPS, state.colormap);
  const key = [
    state.model,
    context.picture.id,
    state.layer,
    state.query,
    state.order,
    state.normalize,
    state.colormap,
  ].join("|");
  const count = layersOf(model)
    .find(({ name }) => name === state.layer)
    .shape.at(-1);
  const columns = gridColumns(count);
  if (grid?.key !== key) {
    byId("activations").setAttribute("aria-busy", "true");
    const layer = await loadGrid(context, columns);
    grid = { ...layer, key };
    showGrid(parts.grid, layer, (channel) => {
      parts.readout.textContent = describeChannel(channel);
    });
  }
  setColumns(parts.grid, columns);
  await showQuery(context);
  byId("activations").setAttribute("aria-busy", "false");
  await (state.channel === "" ? showAllChannels(context) : showChannel(context));
}

/** The picture on which the query of an attention is chosen. */
async function showQuery(context) {
  const { state, model, picture, signal } = context;
  const attention = attentionOf(model, state.layer);
  parts.query.hidden = !attention;
  if (!attention) return;
  const decoded = await decodePicture(picture, model, signal);
  const hadFocus = parts.query.contains(document.activeElement);
  parts.query.replaceChildren(queryPicker(context, decoded, attention));
  if (hadFocus) parts.query.querySelector(".query-plot")?.focus({ preventScroll: true });
}

function showAllChannels({ state, model }) {
  const wasHidden = parts.grid.hidden;
  const previous = parts.channel.dataset.channel;
  parts.channel.hidden = parts.navigation.hidden = true;
  parts.grid.hidden = false;
  parts.toolbar.classList.remove("single-channel");
  const [channels, height, width] = grid.shape;
  const dead = grid.dead.length;
  const deadText = dead === 0 ? "" : ` ${dead} dead (constant) ${dead === 1 ? "channel is" : "channels are"} hatched.`;
  parts.title.textContent = state.layer;
  parts.description.textContent =
    `${channels} ${attentionOf(model, state.layer) ? "heads" : "channels"} of ${height} × ${width} values. ` +
    `Bright values are high.${deadText} Select a channel to enlarge it.`;
  parts.readout.textContent = "Hover over a channel to see its statistics.";
  if (wasHidden) focusTile(parts.grid, previous);
}

async function showChannel(context) {
  const { state, model, picture, signal } = context;
  const [values, decoded] = await Promise.all([loadChannel(context), decodePicture(picture, model, signal)]);
  const index = Number(state.channel);
  const position = grid.channels.findIndex((channel) => channel.index === index);
  const label = `${state.layer}, channel ${index}`;
  const { plots, bar, readout } = channelPlots(values, { model, picture, decoded, colormap: state.colormap, label });
  const focusedStep = document.activeElement?.dataset.step;
  const wasTileFocused = document.activeElement?.classList.contains("tile");
  const button = (text, properties) =>
    element("button", { type: "button", class: "button", textContent: text, ...properties });
  const stepButton = (step, text, name) => {
    const target = grid.channels[position + step];
    return button(text, {
      "aria-label": name,
      disabled: !target,
      data: { step: String(step) },
      onclick: () => change({ channel: target.index }),
    });
  };
  const allChannels = button("All channels", { onclick: () => change({ channel: "" }) });
  parts.title.textContent = label;
  parts.description.textContent = `${describeChannel(grid.channels[position])}.`.replace(/^c/, "C");
  parts.readout.textContent = "";
  parts.navigation.replaceChildren(
    stepButton(-1, "‹ Previous", "Previous channel"),
    stepButton(1, "Next ›", "Next channel"),
    allChannels,
  );
  parts.channel.replaceChildren(element("div", { class: "channel-plots" }, ...plots, bar), readout);
  parts.channel.dataset.channel = state.channel;
  parts.channel.hidden = parts.navigation.hidden = false;
  parts.grid.hidden = true;
  parts.toolbar.classList.add("single-channel");
  if (focusedStep) parts.navigation.querySelector(`[data-step="${focusedStep}"]`).focus();
  else if (wasTileFocused) allChannels.focus();
}

/** Adapts the number of columns to the width of the window. */
export function resizeGrid() {
  if (grid !== null) setColumns(parts.grid, gridColumns(grid.channels.length));
}

function gridColumns(count) {
  const { clientWidth } = parts.grid.parentElement;
  const { paddingLeft, paddingRight } = getComputedStyle(parts.grid.parentElement);
  return columnsFor(count, clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
}

/** The view as a request. */
export function activationsRequest(state) {
  if (state.channel !== "") return channelRequest(state);
  return gridRequest(state, gridColumns(grid.channels.length));
}
