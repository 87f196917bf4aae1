/** Reads a value once per visit. An error is not kept: the next call reads again. */
export function askedOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () =>
    (answer ??= ask().catch((error) => {
      answer = undefined;
      throw error;
    }));
}
