// The chosen methods, and the dialog with all of them. A click explains by a method; "+" shows it beside the others.

import { element } from "./dom.js";
import { FAMILIES, formatCost, parameterFields } from "./methods.js";
import { asSentence } from "./errors.js";
import { change, current } from "./state.js";

const parts = {};

/** The list of chosen methods, with a button that opens the dialog. */
export function createMethodMenu() {
  parts.chosen = element("ul", { class: "chosen-methods" });
  parts.families = element("div", { class: "method-families" });
  const close = element("button", {
    type: "button",
    class: "button",
    textContent: "Close",
    onclick: () => parts.dialog.close(),
  });
  const title = element("h2", { id: "methods-title", textContent: "Methods" });
  const hint = element("p", {
    class: "muted",
    textContent:
      "Choose one, or add several with + to see them side by side. A pass is one run through the network, forward or backward.",
  });
  const head = element("div", { class: "row" }, element("div", {}, title, hint), close);
  parts.dialog = element(
    "dialog",
    { id: "methods", class: "methods", "aria-labelledby": "methods-title" },
    head,
    parts.families,
  );
  // A click beside the dialog closes it. The dialog itself has no padding, so its own area belongs to its children.
  parts.dialog.addEventListener("click", (event) => event.target === parts.dialog && parts.dialog.close());
  document.body.append(parts.dialog);
  parts.open = element("button", {
    type: "button",
    class: "button",
    id: "method",
    "aria-haspopup": "dialog",
    textContent: "Choose methods …",
    onclick: () => parts.dialog.showModal(),
  });
  const label = element("span", { class: "control-title", textContent: "Method" });
  return element("div", { class: "control", data: { control: "method" } }, label, parts.chosen, parts.open);
}

/** Shows the chosen methods, and marks them in the dialog. */
export function fillMethodMenu(settings, methods, chosen) {
  parts.chosen.replaceChildren(...chosen.map((method) => chosenItem(method, chosen.length > 1)));
  if (parts.methods !== methods) {
    parts.methods = methods;
    parts.families.replaceChildren(...familiesOf(methods).map(([title, members]) => family(title, members)));
  }
  const names = chosen.map(({ name }) => name);
  parts.open.value = names.join(",");
  for (const item of parts.families.querySelectorAll("[data-method]")) {
    const isChosen = names.includes(item.dataset.method);
    for (const button of item.querySelectorAll("button")) button.setAttribute("aria-pressed", String(isChosen));
  }
}

function familiesOf(methods) {
  const names = new Set([...Object.keys(FAMILIES), ...methods.map((method) => method.family)]);
  const members = (name) => methods.filter((method) => method.family === name);
  return [...names].map((name) => [FAMILIES[name] ?? name, members(name)]).filter(([, list]) => list.length > 0);
}

function chosenItem(method, canRemove) {
  const { name, title, paper } = method;
  const remove = element("button", {
    type: "button",
    class: "remove-method",
    "aria-label": `Remove ${title}`,
    textContent: "×",
    hidden: !canRemove,
    onclick: () => toggle(name),
  });
  const link = paper.startsWith("https://")
    ? element("a", { class: "paper", href: paper, target: "_blank", rel: "noreferrer", textContent: "Paper" })
    : null;
  link?.append(element("span", { class: "visually-hidden", textContent: ` on ${title}` }));
  // The cost that the server states is that of the defaults.
  const hasDefaults = parameterFields(method, current()).length === 0;
  const cost = element("span", { class: "muted", textContent: hasDefaults ? formatCost(method) : "" });
  return element("li", {}, element("strong", { textContent: title }), remove, cost, link);
}

function family(title, methods) {
  return element("section", {}, element("h3", { textContent: title }), element("ul", {}, ...methods.map(menuItem)));
}

function menuItem(method) {
  const { name, title, summary, refusal } = method;
  const choose = element(
    "button",
    {
      type: "button",
      class: "choose-method",
      "aria-pressed": "false",
      disabled: refusal !== undefined,
      onclick: () => {
        change({ method: name });
        parts.dialog.close();
      },
    },
    element("span", { class: "method-title", textContent: title }),
    element("span", {
      class: "method-cost",
      textContent: refusal === undefined ? formatCost(method) : "not available",
    }),
    element("span", { class: "method-summary", textContent: summary }),
  );
  const beside = element(
    "button",
    {
      type: "button",
      class: "add-method",
      title: `Show ${title} beside the others`,
      "aria-pressed": "false",
      disabled: refusal !== undefined,
      onclick: () => toggle(name),
    },
    "+",
    element("span", { class: "visually-hidden", textContent: ` ${title}` }),
  );
  const reason = refusal === undefined ? null : element("p", { class: "refusal", textContent: asSentence(refusal) });
  return element("li", { data: { method: name } }, choose, beside, reason);
}

/** Adds a method to the chosen ones, or removes it unless it is the only one. */
function toggle(name) {
  const names = current().method.split(",");
  const rest = names.filter((other) => other !== name);
  if (rest.length === names.length) change({ method: [...names, name].join(",") });
  else if (rest.length > 0) change({ method: rest.join(",") });
}
