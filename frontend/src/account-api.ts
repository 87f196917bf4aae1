/** Calls of the account's own pages: its addresses. */
import type { Answer, Body, ShippingAddress } from './api-types';
import { signedIn } from './request';

export type KnownAddress = Answer<'/me/addresses'>['items'][number];

type AddressChange = Body<'/me/addresses/{address_id}', 'put'>;

export async function listAddresses(signal?: AbortSignal): Promise<KnownAddress[]> {
  return (await signedIn<Answer<'/me/addresses'>>('/me/addresses', { signal })).items;
}

/** Keeps an address, under a new id unless one is given. Returns all. */
export async function keepAddress(change: AddressChange, id: string = crypto.randomUUID()): Promise<KnownAddress[]> {
  return (await signedIn<Answer<'/me/addresses'>>(pathOf(id), { method: 'PUT', body: change })).items;
}

export async function deleteAddress(id: string): Promise<KnownAddress[]> {
  return (await signedIn<Answer<'/me/addresses'>>(pathOf(id), { method: 'DELETE' })).items;
}

/** What was kept, as checkout takes it. */
export function asAsked({ address }: KnownAddress): ShippingAddress {
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== null)) as unknown as ShippingAddress;
}

const pathOf = (id: string) => `/me/addresses/${encodeURIComponent(id)}`;
