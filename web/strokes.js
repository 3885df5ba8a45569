// What is painted over the picture, as text for the address, and as pixels.
//
// Strokes are separated by "_". A stroke is a list of numbers separated by dots: the radius of the brush in thousandths
// of the picture's longer side, then the points, x and y in thousandths of its width and height.

/** The strokes in a text: `{ radius, points }`, points `[x, y]`. What is no stroke is left out. */
export function parseStrokes(text) {
  return text.split("_").map(parseStroke).filter(Boolean);
}

function parseStroke(text) {
  const numbers = text.split(".").map(Number);
  const [radius, ...rest] = numbers;
  const isStroke =
    rest.length >= 2 && rest.length % 2 === 0 && numbers.every((number) => number >= 0 && number <= 1000);
  if (!isStroke) return null;
  return { radius, points: Array.from({ length: rest.length / 2 }, (_, i) => [rest[2 * i], rest[2 * i + 1]]) };
}

/** The text of strokes. */
export function formatStrokes(strokes) {
  return strokes.map(({ radius, points }) => [radius, ...points.flat()].map(Math.round).join(".")).join("_");
}

/** Whether a point is so far from the last one of a stroke that it changes the stroke's shape. */
export function isFar({ radius, points }, [x, y]) {
  const [lastX, lastY] = points.at(-1);
  return Math.hypot(x - lastX, y - lastY) >= Math.max(radius / 3, 2);
}

/** What covers the picture; the names are those of the parameter `baseline`. */
export const FILLS = [
  ["mean", "mean colour"],
  ["blur", "blurred picture"],
  ["black", "black"],
  ["white", "white"],
];

/** The style of strokes over a picture of these pixels (ImageData) that cover it by `fill`. */
export function strokeStyle(pixels, fill) {
  if (fill === "black" || fill === "white") return fill;
  if (fill === "mean") return meanColor(pixels);
  const { width, height } = pixels;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.putImageData(pixels, 0, 0);
  const blurred = new OffscreenCanvas(width, height);
  const blur = blurred.getContext("2d");
  blur.filter = `blur(${Math.max(width, height) / 16}px)`;
  blur.drawImage(canvas, 0, 0);
  return blur.createPattern(blurred, "no-repeat");
}

function meanColor({ data }) {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c] += data[i + c];
  return `rgb(${sums.map((sum) => Math.round((4 * sum) / data.length)).join(" ")})`;
}

/** Draws strokes over what a canvas of `width` × `height` pixels shows. */
export function drawStrokes(context, strokes, style, { width, height }) {
  Object.assign(context, { strokeStyle: style, lineCap: "round", lineJoin: "round" });
  for (const { radius, points } of strokes) {
    context.lineWidth = Math.max((radius / 500) * Math.max(width, height), 1);
    context.beginPath();
    const [[x, y], ...rest] = points.map(([x, y]) => [(x / 1000) * width, (y / 1000) * height]);
    context.moveTo(x, y);
    // A line of no length is a dot.
    for (const [toX, toY] of rest.length > 0 ? rest : [[x, y]]) context.lineTo(toX, toY);
    context.stroke();
  }
}
