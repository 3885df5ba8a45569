// A queue of requests. A few run at the same time, so that the server's queue stays short.

const MAX_RUNNING = 2;

const waiting = [];
const running = { all: 0, long: 0 };

/**
 * Resolves with a function that ends the request, when the request may start. Of long requests only one runs at a time,
 * so that short ones need not wait. A background request starts only while no short one is running or waiting.
 */
export function acquireSlot({ background = false, long = false, signal }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const start = () => {
      running.all++;
      if (long) running.long++;
      resolve(() => {
        running.all--;
        if (long) running.long--;
        startNext();
      });
    };
    const entry = { background, long, start };
    signal?.addEventListener("abort", () => {
      const index = waiting.indexOf(entry);
      if (index >= 0) waiting.splice(index, 1);
      reject(signal.reason);
    });
    waiting.push(entry);
    startNext();
  });
}

function startNext() {
  if (running.all >= MAX_RUNNING) return;
  const mayStart = ({ background, long }) =>
    (!background || running.all === running.long) && (!long || running.long === 0);
  const foreground = waiting.findIndex((entry) => !entry.background && mayStart(entry));
  const index = foreground >= 0 ? foreground : waiting.findIndex(mayStart);
  if (index < 0) return;
  const [entry] = waiting.splice(index, 1);
  entry.start();
}
