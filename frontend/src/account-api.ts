/** Calls of the account's own pages: its addresses, its password, its data and its end. */
import type { Answer, Body, ShippingAddress } from './api-types';
import { adoptSession, idToken, leave } from './auth';
import { signedIn } from './request';

export type KnownAddress = Answer<'/me/addresses'>['items'][number];

type AccountExport = Answer<'/me/export'>;
type AddressChange = Body<'/me/addresses/{address_id}', 'put'>;

export async function listAddresses(signal?: AbortSignal): Promise<KnownAddress[]> {
  return (await signedIn<Answer<'/me/addresses'>>('/me/addresses', { signal })).items;
}

/** None of a guest, and none if they cannot be read: an address can be typed. */
export async function knownAddresses(): Promise<KnownAddress[]> {
  try {
    return (await idToken()) ? await listAddresses() : [];
  } catch {
    return [];
  }
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

/** All that the shop holds of the customer, its parts joined. */
export async function exportAccount(): Promise<AccountExport> {
  const whole = await signedIn<AccountExport>('/me/export');
  while (whole.next_cursor) {
    const part = await signedIn<AccountExport>(`/me/export?cursor=${encodeURIComponent(whole.next_cursor)}`);
    whole.orders.push(...part.orders);
    whole.next_cursor = part.next_cursor;
  }
  return whole;
}

/** The other sessions of the account end. */
export async function changePassword(current_password: string, new_password: string): Promise<void> {
  adoptSession(await signedIn<Answer<'/me/password', 'put'>>('/me/password', { method: 'PUT', body: { current_password, new_password } }));
}

export async function deleteAccount(password: string): Promise<void> {
  await signedIn('/me/deletion', { method: 'POST', body: { password } });
  leave();
}
