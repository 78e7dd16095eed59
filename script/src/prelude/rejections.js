// Rejected promises that nobody handles, oldest first.
const rejections = new Map();

export function noteRejection(promise, reason, handled) {
  if (handled) rejections.delete(promise);
  else rejections.set(promise, reason);
}

export function takeRejection() {
  for (const [promise, reason] of rejections) {
    rejections.delete(promise);
    return { reason };
  }
  return undefined;
}
