// A crosshair over a canvas or a picture, moved by the pointer or by arrow keys.

/** Just below 1, so that a position is always inside the last row and column. */
const END = 0.99999;

/** Shows `crosshair` at shares of its plot's width and height. */
export function showCrosshair(crosshair, x, y) {
  crosshair.hidden = false;
  crosshair.style.left = `${x * 100}%`;
  crosshair.style.top = `${y * 100}%`;
}

/** The pointer's position in shares of the target's width and height. */
export function pointerPosition(target, event) {
  const box = target.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(clamp);
}

function clamp(share) {
  return Math.min(Math.max(share, 0), END);
}

/**
 * Calls `onMove(x, y)` with shares of width and height while a pointer moves or arrow keys are pressed, and
 * `onLeave()`. An arrow key moves by one of `steps.width` columns or `steps.height` rows.
 */
export function trackPosition(target, steps, onMove, onLeave) {
  let [x, y] = [0.5, 0.5];
  target.addEventListener("pointermove", (event) => onMove(...([x, y] = pointerPosition(target, event))));
  target.addEventListener("pointerleave", onLeave);
  target.addEventListener("blur", onLeave);
  target.addEventListener("keydown", (event) => {
    const [right, down] =
      { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault();
    [x, y] = [clamp(x + right / steps.width), clamp(y + down / steps.height)];
    onMove(x, y);
  });
}
