// Values of databases, as they cross as JSON: an object is always a tag with a value. `Buffer` is that of the engine.
export function encode(value) {
  switch (typeof value) {
    case 'undefined':
      return null;
    case 'boolean':
      return value;
    case 'string':
      return value.toWellFormed();
    case 'number':
      return Number.isFinite(value) ? value : { float: String(value) };
    case 'bigint':
      return { integer: String(value) };
    case 'object':
      break;
    default:
      throw new TypeError(`A ${typeof value} is no parameter`);
  }
  if (value === null) return null;
  if (value instanceof Date) return { instant: value.toISOString() };
  if (value instanceof ArrayBuffer) return { bytes: Buffer.from(value).toString('base64') };
  if (ArrayBuffer.isView(value)) {
    return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (Array.isArray(value)) return { array: value.map(encode) };
  return { json: JSON.stringify(value).toWellFormed() };
}

export function decode(value, bigint) {
  if (typeof value !== 'object' || value === null) return value;
  const [[tag, content]] = Object.entries(value);
  switch (tag) {
    case 'instant':
      return new Date(content);
    case 'bytes':
      return Buffer.from(content, 'base64');
    case 'integer':
      return bigint ? BigInt(content) : content;
    case 'float':
      return Number(content);
    case 'array':
      return content.map((item) => decode(item, bigint));
    default:
      return content;
  }
}
