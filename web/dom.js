// Elements from JavaScript, without markup in strings: nothing that a server or a file name says is ever parsed as HTML.

/**
 * An element. `properties` whose name has a dash, or which are ARIA's, become attributes; `on…` are listeners; the rest
 * are properties.
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

/** The element with this id, which index.html has. */
export function byId(id) {
  return document.getElementById(id);
}

/** Fills a `<select>`: `options` are values, `[value, text]`, or `{ group, options }`. */
export function fillSelect(select, options, chosen) {
  const option = (entry) => {
    if (entry.group) return element("optgroup", { label: entry.group }, ...entry.options.map(option));
    const [value, text] = Array.isArray(entry) ? entry : [entry, entry];
    return element("option", { value, textContent: text, selected: String(value) === String(chosen) });
  };
  select.replaceChildren(...options.map(option));
}

/** Says `text` to who cannot see the page change. */
export function announce(text) {
  byId("announcement").textContent = text;
}

/** A number with about three digits that count. */
export function short(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A whole number with thin spaces between thousands. */
export function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A probability in words that do not claim more than there is. */
export function percent(probability) {
  const value = probability * 100;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(1)} %`;
}
