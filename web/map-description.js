// What a map shows, in words.

import { formatNumber } from "./dom.js";
import { locationOfMaximum } from "./heatmap.js";

/** The words for a sign. */
const EVIDENCE = { positive: "for", negative: "against", both: "for or against" };

/** Where the heat is, what the map's values belong to, and what limits the map. */
export function describeMap(map, heat, pixels, label, method, { sign }) {
  const evidence = `evidence ${EVIDENCE[sign]} “${label}”`;
  const isOfLayer = method.resolution === "layer";
  const places = method.resolution === "tokens" ? "patch" : "pixel of the input";
  if (map.empty) {
    const place = isOfLayer ? `layer ${map.layer}` : "the input";
    return `There is no ${evidence} in ${place}: the map has ${sign === "both" ? "only zeros" : "no positive value"}.`;
  }
  const [height, width] = map.rawSize ?? [map.height, map.width];
  const size = `The map has ${height} × ${width} values`;
  const sentences = [
    `The strongest ${evidence} is ${locationOfMaximum(heat, pixels)}.`,
    isOfLayer ? `${size}, from layer ${map.layer}.` : `${size}, one for each ${places}.`,
  ];
  if (map.passes) sentences.push(`It took ${map.passes} passes.`);
  if (map.error !== undefined) sentences.push(`The standard error is ${formatNumber(map.error)}.`);
  if (!method.class_sensitive) sentences.push("This method's maps hardly depend on the class.");
  if (map.saturated) {
    sentences.push(
      "The probability rounds to 1, where an ordinary softmax gradient is rounding noise.",
      "This map uses a numerically stable gradient.",
    );
  }
  return sentences.join(" ");
}
