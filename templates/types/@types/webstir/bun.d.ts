// The parts of `Bun` that a backend module may use.

declare namespace Bun {
  /** How a cookie is sent. */
  interface CookieInit {
    name: string;
    value: string;
    /** Default: `/`. */
    path?: string;
    domain?: string;
    expires?: Date | number | string;
    /** In seconds. */
    maxAge?: number;
    httpOnly?: boolean;
    secure?: boolean;
    /** Default: `lax`. */
    sameSite?: 'strict' | 'lax' | 'none';
    partitioned?: boolean;
  }

  /** The cookies of a request, and the changes to send back. */
  class CookieMap implements Iterable<[string, string]> {
    /** Takes the `Cookie` header of a request, or pairs. */
    constructor(init?: string[][] | Record<string, string> | string);
    get(name: string): string | null;
    has(name: string): boolean;
    set(name: string, value: string, options?: Omit<CookieInit, 'name' | 'value'>): void;
    set(options: CookieInit): void;
    delete(name: string): void;
    delete(options: { name: string; domain?: string; path?: string }): void;
    /** One `Set-Cookie` value for each changed cookie. */
    toSetCookieHeaders(): string[];
    toJSON(): Record<string, string>;
    readonly size: number;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    forEach(callback: (value: string, key: string, map: CookieMap) => void): void;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }

  /** Signed CSRF tokens, independent of sessions. A token is opaque. */
  namespace CSRF {
    /** `expiresIn` is in milliseconds. */
    function generate(secret?: string, options?: { expiresIn?: number }): string;
    /** Throws for an empty token. `maxAge` is in milliseconds. */
    function verify(token: string, options?: { secret?: string; maxAge?: number }): boolean;
  }

  /** The environment, as `process.env`. */
  const env: Record<string, string | undefined>;

  /** A UUID that sorts by the time it was made (version 7). */
  function randomUUIDv7(): string;
}
