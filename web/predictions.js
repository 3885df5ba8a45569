// The most probable classes with bars. A click explains a class; a second button compares it with the explained one.

import { byId, element, formatNumber, formatPercent } from "./dom.js";
import { change, current } from "./state.js";

/** The label of a class. */
export function labelOf(model, index) {
  const label = model.output.labels[index]?.label;
  return label ? readable(label) : `class ${index}`;
}

function readable(label) {
  return label.replaceAll("_", " ");
}

/** Shows `count` empty rows until the predictions arrive, so that the layout does not shift. */
export function showPlaceholders(count) {
  byId("class-list").replaceChildren(...Array.from({ length: count }, () => element("li", { class: "placeholder" })));
  byId("class-list").setAttribute("aria-busy", String(count > 0));
}

/** Shows a row for each class. */
export function showPredictions(predictions, model) {
  byId("class-list").setAttribute("aria-busy", "false");
  byId("class-list").replaceChildren(...predictions.map((prediction) => row(prediction, model)));
  markClasses(predictions);
  const hasMore = model.output.classes > predictions.length;
  byId("other-class-form").hidden = !hasMore;
  byId("class-count").textContent = model.output.classes;
  const labels = hasMore ? model.output.labels : [];
  byId("class-names").replaceChildren(...labels.map(({ label }) => element("option", { value: readable(label) })));
}

function row(prediction, model) {
  const { class: index, probability } = prediction;
  const label = labelOf(model, index);
  const score = scoreOf(prediction);
  const fill = element("span", { class: "meter-fill" });
  fill.style.width = `${(probability ?? 0) * 100}%`;
  const explainButton = element(
    "button",
    {
      type: "button",
      class: "class-button",
      "aria-pressed": "false",
      onclick: () => explain(index),
    },
    element("span", { class: "label", textContent: label }),
    element("span", { class: "score", textContent: score }),
    element("span", { class: "meter" }, element("span", { class: "meter-before" }), fill),
  );
  const compareButton = element(
    "button",
    {
      type: "button",
      class: "compare-button",
      title: `Compare with ${label}`,
      "aria-pressed": "false",
      onclick: () => toggleCompare(index),
    },
    "vs",
    element("span", { class: "visually-hidden", textContent: ` ${label}` }),
  );
  return element("li", { data: { class: String(index) } }, explainButton, compareButton);
}

/**
 * Shows how the probabilities have changed from `original` to `changed`, both as POST /predict has them; without
 * `changed`, that they have not.
 */
export function showChangedPredictions(changed, original) {
  const note = byId("changed-class");
  note.hidden = true;
  if (!original) return;
  const isListed = ({ class: index }) => original.some((one) => one.class === index);
  for (const one of original) {
    const item = byId("class-list").querySelector(`[data-class="${one.class}"]`);
    const now = changed?.find((other) => other.class === one.class);
    // A class that is not among the likeliest has at most the probability of the last of them.
    const rest = changed && !now ? `< ${scoreOf(changed.at(-1))}` : "";
    const after = now ? scoreOf(now) : rest;
    item.classList.toggle("changed", Boolean(changed));
    item.querySelector(".score").textContent = changed ? `${scoreOf(one)} → ${after}` : scoreOf(one);
    item.querySelector(".meter-fill").style.width =
      `${((changed ? (now?.probability ?? 0) : one.probability) ?? 0) * 100}%`;
    item.querySelector(".meter-before").style.width = `${(one.probability ?? 0) * 100}%`;
  }
  if (!changed || isListed(changed[0])) return;
  note.hidden = false;
  note.textContent = `Now the likeliest: ${readable(changed[0].label ?? `class ${changed[0].class}`)}, ${scoreOf(changed[0])}.`;
}

function scoreOf({ probability, logit }) {
  return probability === null ? `logit ${formatNumber(logit)}` : formatPercent(probability);
}

function explain(index) {
  const { compare } = current();
  change({ tab: "explain", class: index, compare: compare === String(index) ? "" : compare });
}

function toggleCompare(index) {
  change({ tab: "explain", compare: current().compare === String(index) ? "" : index });
}

/** Marks the explained class and the one that it is compared with. */
export function markClasses(predictions) {
  const { tab, compare } = current();
  const explained = explainedClass(predictions);
  for (const item of byId("class-list").children) {
    const [explainButton, compareButton] = item.querySelectorAll("button");
    if (!explainButton) continue;
    const isExplained = item.dataset.class === String(explained);
    explainButton.setAttribute("aria-pressed", String(tab === "explain" && isExplained));
    compareButton.setAttribute("aria-pressed", String(tab === "explain" && item.dataset.class === compare));
    compareButton.disabled = isExplained;
  }
}

/** The class of the state; by default the most probable. */
export function explainedClass(predictions) {
  const { class: selected } = current();
  return selected === "" ? predictions[0].class : Number(selected);
}

/** Sets up the field that takes any class by label or index. */
export function setUpOtherClass(currentModel) {
  byId("other-class-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("other-class");
    const { labels, classes } = currentModel().output;
    const wanted = readable(field.value.trim().toLowerCase());
    const isIndex = /^\d+$/.test(wanted) && Number(wanted) < classes;
    const index = isIndex ? Number(wanted) : labels.findIndex(({ label }) => readable(label.toLowerCase()) === wanted);
    field.setCustomValidity(index < 0 ? "Unknown class. Choose one from the list." : "");
    if (!field.reportValidity()) return;
    field.value = "";
    change({ tab: "explain", class: index });
  });
  byId("other-class").addEventListener("input", (event) => {
    event.target.setCustomValidity("");
    const options = byId("class-names").children;
    // A choice from the list needs no Enter.
    if (event.inputType === "insertReplacementText" || !event.inputType) {
      if ([...options].some((option) => option.value === event.target.value)) byId("other-class-form").requestSubmit();
    }
  });
}
