// Server-sent events, as far as convscope sends them: an event has a name and one line of data.

/** The complete events in `text` from `start` on: `{ events, end }`, each event `{ name, data }`. */
export function parseEvents(text, start) {
  const end = text.lastIndexOf("\n\n") + 2;
  if (end <= start) return { events: [], end: start };
  const blocks = text.slice(start, end).split("\n\n");
  return { events: blocks.map(parseEvent).filter(({ name }) => name !== ""), end };
}

/** A comment, which keeps a connection open, has no name. */
function parseEvent(block) {
  const field = (name) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? "";
  return { name: field("event"), data: field("data") };
}
