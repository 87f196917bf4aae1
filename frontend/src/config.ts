import { askedOnce } from './asked-once';

/** Configuration of the deployment: config.json, which the deployment writes next to index.html. */
export interface Config {
  api: string;
  /** The WebSocket that announces changes of an order; null if there is none. */
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
