/**
 * The one experiment of the shop: on the home page, do the goods come before the shelves?
 *
 * The edge deals each visitor a hand, once, in the cookie `saga_ab`; without it the original is shown.
 */
export type Variant = 'a' | 'b';

export const variant: Variant = /(?:^|;\s*)saga_ab=b(?:;|$)/.test(document.cookie) ? 'b' : 'a';

export const goodsComeFirst = variant === 'b';
