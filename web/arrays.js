// NumPy's files, as far as convscope writes them: little-endian float32 in C order.

/** Reads an `.npy` file: `{ shape, values }`. */
export function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLong = bytes[6] > 1;
  const start = isLong ? 12 : 10;
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  if (!header.includes("'<f4'") || header.includes("'fortran_order': True")) {
    throw new Error(`not float32 in C order: ${header}`);
  }
  const shape = /'shape': *\(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  // A copy, since the values need not start at a multiple of four.
  const values = new Float32Array(bytes.slice(start + length).buffer);
  return { shape, values };
}

/** Reads the first array of an `.npz` file, which is a ZIP archive of stored, not compressed, `.npy` files. */
export function readFirstOfNpz(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [method, size] = [view.getUint16(8, true), view.getUint32(18, true)];
  if (view.getUint32(0, true) !== 0x04034b50 || method !== 0) throw new Error("not a stored ZIP entry");
  const start = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  return readNpy(bytes.subarray(start, start + size));
}
