// The two tabs of the result: Explanation and Activations.

import { byId } from "./dom.js";

const TABS = ["explain", "activations"];

/** Sets up clicks and arrow keys; `onSelect` gets the tab. */
export function setUpTabs(onSelect) {
  for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => onSelect(tab));
  byId("tab-explain").parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = TABS.find((tab) => byId(`tab-${tab}`).getAttribute("aria-selected") === "false");
    onSelect(other);
    byId(`tab-${other}`).focus();
  });
}

/** Shows the panel of `selected`. */
export function showTab(selected) {
  for (const tab of TABS) {
    const isSelected = tab === selected;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(isSelected));
    byId(`tab-${tab}`).tabIndex = isSelected ? 0 : -1;
    byId(tab).hidden = !isSelected;
  }
}
