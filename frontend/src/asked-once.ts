/** What is asked for once for each visit. A failure is not kept: whoever comes next asks again. */
export function askedOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () =>
    (answer ??= ask().catch((error) => {
      answer = undefined;
      throw error;
    }));
}
