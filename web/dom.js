// Creates elements without markup in strings, so that no text of a server or a file name is parsed as HTML.

/**
 * An element. Properties with a dash in their name, and `role`, `for` and `list`, become attributes; `on…` are event
 * listeners; `data` goes into the dataset; all others are properties of the node.
 */
export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for" || key === "list") node.setAttribute(key, value);
    else if (key === "class") node.className = value;
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The element of index.html with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Fills a `<select>`: `options` are values, `[value, text]`, or `{ group, options }`. */
export function fillSelect(select, options, selected) {
  const option = (entry) => {
    if (entry.group) return element("optgroup", { label: entry.group }, ...entry.options.map(option));
    const [value, text] = Array.isArray(entry) ? entry : [entry, entry];
    return element("option", { value, textContent: text, selected: String(value) === String(selected) });
  };
  select.replaceChildren(...options.map(option));
}

/** Has a screen reader say `text`. */
export function announce(text) {
  byId("live-region").textContent = text;
}

/** A number with three significant digits. */
export function formatNumber(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A whole number with thin spaces between thousands. */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A probability in percent. Only an exact 1 is written as 100.0 %, and only an exact 0 as 0.0 %. */
export function formatPercent(probability) {
  const value = probability * 100;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(1)} %`;
}
