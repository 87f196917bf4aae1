/** Opens a window for an address that is still to come. Browsers allow that only in answer to a click, so it opens at once. */
export async function openLater(address: () => Promise<string>): Promise<void> {
  const opened = window.open('', '_blank');
  try {
    const url = await address();
    if (opened) opened.location.href = url;
    else location.assign(url);
  } catch (error) {
    opened?.close();
    throw error;
  }
}
