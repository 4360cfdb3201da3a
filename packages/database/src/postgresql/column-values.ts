/** How values of columns come out: whole numbers as numbers, bytes as bytes, true and false as 1 and 0, as with SQLite. */

/** Object ids of types (pg_type.dat). */
const TYPE = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, float4: 700, float8: 701, numeric: 1700 } as const;

function numberOf(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53.`);
  return value;
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}

/** Makes a value of the text that the server sends. */
export type ValueReader = (text: string) => unknown;

const READERS: ReadonlyMap<number, ValueReader> = new Map<number, ValueReader>([
  [TYPE.bool, (text) => (text === 't' ? 1 : 0)],
  [TYPE.bytea, bytesOf],
  ...[TYPE.int8, TYPE.int2, TYPE.int4, TYPE.float4, TYPE.float8, TYPE.numeric].map((type) => [type, numberOf] as const),
]);

const asText: ValueReader = (text) => text;

/**
 * Reads the values of a type.
 *
 * @param type - its object id.
 * @throws RangeError, when it reads, for a number beyond 2^53.
 */
export function valueReader(type: number): ValueReader {
  return READERS.get(type) ?? asText;
}
