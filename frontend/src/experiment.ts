/**
 * The one experiment of the shop: on the home page, do the items come before the categories?
 *
 * The edge deals each visitor a hand, once, in the cookie `saga_ab`; without it the original is shown.
 */
export type Variant = 'a' | 'b';

export const variant: Variant = /(?:^|;\s*)saga_ab=b(?:;|$)/.test(document.cookie) ? 'b' : 'a';

export const itemsComeFirst = variant === 'b';
