/**
 * Whether the buyer has just come back from the bank. What the bank's page added to the address goes at once: it holds
 * a secret of the payment, which has no business in the history or in a copied link.
 */
export function isBackFromBank(): boolean {
  const url = new URL(location.href);
  if (!url.searchParams.has('payment_intent')) return false;
  history.replaceState(history.state, '', url.pathname);
  return true;
}
