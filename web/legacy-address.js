// Keys of addresses that were shared before the page used the API's parameter names.

const RENAMED = new Map([
  ["draw", "view"],
  ["colors", "colormap"],
  ["heatcolors", "explain_colormap"],
  ["explained", "explain_layer"],
  ["versus", "compare"],
]);
/** The tab was once the value of `view`. */
const TABS = new Map([
  ["heat", "explain"],
  ["layers", "activations"],
]);

/** `given` (URLSearchParams) with the present keys and values. */
export function upgradeAddress(given) {
  const upgraded = new URLSearchParams();
  for (const [key, value] of given) {
    if (key === "view" && TABS.has(value)) upgraded.set("tab", TABS.get(value));
    else if (key === "all") upgraded.set("all_layers", "true");
    else upgraded.set(RENAMED.get(key) ?? key, value);
  }
  return upgraded;
}
