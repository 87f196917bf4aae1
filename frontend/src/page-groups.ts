/** Pages that are not in the first script come in groups, each with chunks that it shares with other groups. */
import { nextTask } from './next-task';

export const buyingPages = () => fetched('buying-pages', () => import('./pages/buying-pages'));
export const orderPages = () => fetched('order-pages', () => import('./pages/order-pages'));
export const accountPages = () => fetched('account-pages', () => import('./pages/account-pages'));

/** Asks for all chunks at once, which the build lists in the document: the group names them only once it has arrived. */
async function fetched(group: string, load: () => Promise<unknown>): Promise<void> {
  const chunks = document.querySelector<HTMLMetaElement>(`meta[name="chunks-of-${group}"]`)?.content.split(' ') ?? [];
  for (const href of chunks.filter((each) => !document.querySelector(`link[href="${each}"]`))) {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href }));
  }
  await load();
  await nextTask();
}
