import { askedOnce } from './asked-once';

/** What the deployment tells the page about itself; written next to index.html, never bundled, and asked for by it. */
export interface Config {
  api: string;
  /** Where the shop tells the changes of an order by itself; null if it does not. */
  websocket_url: string | null;
  stripe_publishable_key: string | null;
  sandbox: boolean;
  /** Null where the stage has no lab; the control API of the payment sandbox is on one machine only. */
  lab: { control_api: { url: string; key: string } | null } | null;
}

export const config = askedOnce(async (): Promise<Config> => {
  const answer = await fetch('/config.json');
  if (!answer.ok) throw new Error(`config.json answered ${answer.status}`);
  return answer.json();
});
