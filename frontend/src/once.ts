/** Makes a value at its first use. Formatters of `Intl` cost milliseconds each, and most pages need few of them. */
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
