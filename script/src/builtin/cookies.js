// The `Cookie` header, as the server reads it too, in Rust (a test holds the two together): names as they are, values decoded, in
// order. What has no `=` or no name is passed over; quotes stay, and so does a wrong escape.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function cookiePairs(header) {
  const pairs = [];
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    if (equals !== -1 && name !== '') pairs.push([name, decoded(part.slice(equals + 1).trim())]);
  }
  return pairs;
}
