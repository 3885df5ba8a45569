// The two things that there are to see, as tabs.

import { byId } from "./dom.js";

const VIEWS = ["heat", "layers"];

/** Sets up clicks and arrow keys. */
export function setUpTabs(choose) {
  for (const view of VIEWS) byId(`tab-${view}`).addEventListener("click", () => choose(view));
  byId("tab-heat").parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = VIEWS.find((view) => byId(`tab-${view}`).getAttribute("aria-selected") === "false");
    choose(other);
    byId(`tab-${other}`).focus();
  });
}

/** Shows the panel of `view`. */
export function showTab(view) {
  for (const one of VIEWS) {
    const isShown = one === view;
    byId(`tab-${one}`).setAttribute("aria-selected", String(isShown));
    byId(`tab-${one}`).tabIndex = isShown ? 0 : -1;
    byId(one).hidden = !isShown;
  }
}
