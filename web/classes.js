// The likeliest classes with bars; a click asks why, a second button compares.

import { byId, element, percent, short } from "./dom.js";
import { change, current } from "./state.js";

/** How a class is called. */
export function labelOf(model, index) {
  const label = model.output.labels[index]?.label;
  return label ? label.replaceAll("_", " ") : `class ${index}`;
}

/** Empty rows while the network works, so that nothing moves later. */
export function showWaiting(count) {
  byId("classes").replaceChildren(...Array.from({ length: count }, () => element("li", { class: "waiting" })));
  byId("classes").setAttribute("aria-busy", String(count > 0));
}

/** One row a class. */
export function showClasses(predictions, model) {
  byId("classes").setAttribute("aria-busy", "false");
  byId("classes").replaceChildren(...predictions.map((one) => row(one, model)));
  markClasses(predictions);
  const hasMore = model.output.classes > predictions.length;
  byId("other").hidden = !hasMore;
  byId("class-count").textContent = model.output.classes;
  const names = hasMore ? model.output.labels : [];
  byId("class-names").replaceChildren(
    ...names.map(({ label }) => element("option", { value: label.replaceAll("_", " ") })),
  );
}

function row({ class: index, probability, logit }, model) {
  const label = labelOf(model, index);
  const said = probability === null ? `score ${short(logit)}` : percent(probability);
  const bar = element("span", { class: "fill" });
  bar.style.width = `${(probability ?? 0) * 100}%`;
  const why = element(
    "button",
    {
      type: "button",
      class: "why",
      "aria-pressed": "false",
      onclick: () =>
        change({ view: "heat", class: index, versus: current().versus === String(index) ? "" : current().versus }),
    },
    element("span", { class: "label", textContent: label }),
    element("span", { class: "percent", textContent: said }),
    element("span", { class: "meter" }, bar),
  );
  const versus = element(
    "button",
    {
      type: "button",
      class: "versus",
      title: `Compare with ${label}`,
      "aria-pressed": "false",
      onclick: () => toggleVersus(index),
    },
    "vs",
    element("span", { class: "unseen", textContent: ` ${label}` }),
  );
  return element("li", { data: { class: String(index) } }, why, versus);
}

function toggleVersus(index) {
  change({ view: "heat", versus: current().versus === String(index) ? "" : index });
}

/** Marks what is explained, and what it is compared with. */
export function markClasses(predictions) {
  const { view, versus } = current();
  const chosen = chosenClass(predictions);
  for (const item of byId("classes").children) {
    const [why, other] = item.querySelectorAll("button");
    if (!why) continue;
    const isChosen = item.dataset.class === String(chosen);
    why.setAttribute("aria-pressed", String(view === "heat" && isChosen));
    other.setAttribute("aria-pressed", String(view === "heat" && item.dataset.class === versus));
    other.disabled = isChosen;
  }
}

/** The class that is explained: the one chosen, else the likeliest. */
export function chosenClass(predictions) {
  const { class: chosen } = current();
  return chosen === "" ? predictions[0].class : Number(chosen);
}

/** The field for any class by name or number. */
export function setUpOtherClass(model) {
  byId("other").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("other-class");
    const wanted = field.value.trim().toLowerCase().replaceAll("_", " ");
    const names = model().output.labels.map(({ label }) => label.toLowerCase().replaceAll("_", " "));
    const isNumber = /^\d+$/.test(wanted) && Number(wanted) < model().output.classes;
    const index = isNumber ? Number(wanted) : names.indexOf(wanted);
    field.setCustomValidity(index < 0 ? "There is no such class; choose one from the list." : "");
    if (!field.reportValidity()) return;
    field.value = "";
    change({ view: "heat", class: index });
  });
  byId("other-class").addEventListener("input", (event) => {
    event.target.setCustomValidity("");
    const options = byId("class-names").children;
    // A choice from the list needs no Enter.
    if (event.inputType === "insertReplacementText" || !event.inputType) {
      if ([...options].some((option) => option.value === event.target.value)) byId("other").requestSubmit();
    }
  });
}
