// Reads NumPy's file formats as far as convscope writes them: little-endian float32 in C order.

/** Parses an `.npy` file: `{ shape, values }`. */
export function parseNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isVersion2 = bytes[6] > 1;
  const start = isVersion2 ? 12 : 10;
  const length = isVersion2 ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  if (!header.includes("'<f4'") || header.includes("'fortran_order': True")) {
    throw new Error(`not float32 in C order: ${header}`);
  }
  const shape = /'shape': *\(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  // A copy, because the values may start at an offset that is no multiple of four.
  const values = new Float32Array(bytes.slice(start + length).buffer);
  return { shape, values };
}

/** Parses the first array of an `.npz` file: a ZIP archive whose `.npy` entries are stored without compression. */
export function parseFirstOfNpz(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [compression, size] = [view.getUint16(8, true), view.getUint32(18, true)];
  if (view.getUint32(0, true) !== 0x04034b50 || compression !== 0) throw new Error("not an uncompressed ZIP entry");
  const start = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  return parseNpy(bytes.subarray(start, start + size));
}
