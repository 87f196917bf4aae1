/** Access to the console. This decides what is shown; the API checks every call itself. */
import { idToken } from '../auth';

export type Standing = 'guest' | 'customer' | 'admin';

const ADMIN_GROUP = 'admin';

export async function standing(): Promise<Standing> {
  const token = await idToken();
  if (!token) return 'guest';
  return groupsIn(token).includes(ADMIN_GROUP) ? 'admin' : 'customer';
}

function groupsIn(token: string): string[] {
  const payload = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  return JSON.parse(atob(payload))['cognito:groups'] ?? [];
}
