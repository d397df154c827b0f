const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value;
});

/** The CRC-32 of MPEG-2 sections (ISO/IEC 13818-1, annex A) over `bytes` from `start` to `end`. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff;
  for (let at = start; at < end; at += 1) crc = (crc << 8) ^ TABLE[((crc >>> 24) ^ bytes[at]!) & 255]!;
  return crc >>> 0;
}
