import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { LightElement } from '../../components/light-element';
import { icons } from '../../components/icons';
import { complain, say } from '../../toast';
import { Attempt } from '../attempt';
import { dropDeadLetter, listDeadLetters, redrive, type DeadLetter, type Link, type Part, type Queue } from '../api';
import { dayTime, errorNotice } from './format';

/** Details of one part of the system; for a queue also its dead letters, with redrive and drop. */
@customElement('part-panel')
export class PartPanel extends LightElement {
  @property({ attribute: false }) shown!: Part;
  @property({ attribute: false }) links: Link[] = [];
  @property({ attribute: false }) queue: Queue | null = null;
  private attempt = new Attempt();
  @state() private deadLetters: DeadLetter[] | null = null;
  @state() private error: unknown = null;
  @state() private isBusy = false;
  /** The dead letter whose drop waits for a confirmation. */
  @state() private doomed = '';

  protected override firstUpdated(): void {
    this.querySelector('h2')?.focus();
    if (this.queue) void this.look();
  }

  /** Reads the dead letters again if their number has changed on the map. */
  protected override updated(changed: Map<string, unknown>): void {
    const before = changed.get('queue') as Queue | null | undefined;
    if (before && this.queue && before.dead_letters.waiting !== this.queue.dead_letters.waiting && !this.isBusy) void this.look();
  }

  protected override render() {
    const { id, kind, name, says } = this.shown;
    return html`
      <section class="drawer" aria-labelledby="part-title" data-testid="part-panel" @keydown=${this.keyed}>
        <header>
          <div>
            <p class="quiet">${kind.replace('_', ' ')}</p>
            <h2 id="part-title" tabindex="-1">${id}</h2>
          </div>
          <button class="icon-button" aria-label="Close" @click=${this.close}>${icons.close}</button>
        </header>
        <p class="mono part-name">${name}</p>
        ${says ? html`<p>${says}</p>` : nothing}
        ${this.queue ? this.queueInside(this.queue) : nothing}
        ${this.linked()}
      </section>
    `;
  }

  private queueInside(queue: Queue): TemplateResult {
    const { messages, dead_letters } = queue;
    return html`
      <dl class="counts">
        ${messages ? html`<div><dt>Waiting</dt><dd>${messages.waiting}</dd></div><div><dt>In flight</dt><dd>${messages.in_flight}</dd></div>` : nothing}
        <div class=${dead_letters.waiting ? 'is-bad' : ''}><dt>Dead letters</dt><dd data-testid="dead-letters">${dead_letters.waiting}</dd></div>
      </dl>
      <h3>Dead letters</h3>
      ${this.error ? errorNotice(this.error) : nothing}
      ${this.deadLetters === null && !this.error ? html`<p class="quiet">Loading…</p>` : nothing}
      ${this.deadLetters?.length === 0 ? html`<p class="quiet">None.</p>` : nothing}
      ${this.deadLetters?.length ? this.deadLettersIn(queue.name, this.deadLetters, dead_letters.waiting) : nothing}
    `;
  }

  private deadLettersIn(queue: string, deadLetters: DeadLetter[], total: number): TemplateResult {
    return html`
      ${total > deadLetters.length ? html`<p class="small-print" data-testid="dead-letters-shown">${deadLetters.length} of ${total} are shown. Redriving all covers the others too.</p>` : nothing}
      <ul class="dead-letters">
        ${deadLetters.map(
          ({ id, sent_at, receive_count, context }) => html`
            <li data-testid="letter">
              <p><b>${context.event_type ?? 'Message'}</b> ${context.reason ? html`<span class="is-bad">${context.reason}</span>` : nothing}</p>
              <p class="quiet">${dayTime(sent_at)}, received ${receive_count} times</p>
              ${context.order_id ? html`<p><a class="mono" href="/admin/orders/${context.order_id}">${context.order_id}</a></p>` : nothing}
              <div class="actions">
                <button class="button button-quiet button-small" ?disabled=${this.isBusy} @click=${() => this.redrive(queue, [id])}>Redrive</button>
                <button class="button button-quiet button-small" ?disabled=${this.isBusy} @click=${() => this.drop(queue, id)}>
                  ${this.doomed === id ? 'Confirm: drop' : 'Drop'}
                </button>
              </div>
            </li>
          `,
        )}
      </ul>
      <div class="actions">
        <button class="button" data-testid="redrive-all" ?disabled=${this.isBusy} @click=${() => this.redrive(queue)}>Redrive all</button>
        <button class="button button-quiet" ?disabled=${this.isBusy} @click=${() => this.look()}>Refresh</button>
      </div>
    `;
  }

  private linked(): TemplateResult | typeof nothing {
    const own = this.links.filter(({ source, target }) => [source, target].includes(this.shown.id));
    if (!own.length) return nothing;
    const { id } = this.shown;
    const verbs = Map.groupBy(own, ({ source, verb }) => (source === id ? verb : `${verb} this`));
    return html`
      <h3>Linked</h3>
      <dl class="links">
        ${[...verbs].map(
          ([verb, links]) => html`
            <div>
              <dt>${verb}</dt>
              <dd>${links.map(({ source, target }) => html`<button class="link-button" @click=${() => this.choose(source === id ? target : source)}>${source === id ? target : source}</button> `)}</dd>
            </div>
          `,
        )}
      </dl>
    `;
  }

  private async look(): Promise<void> {
    try {
      this.deadLetters = await listDeadLetters(this.queue!.name);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  private redrive(queue: string, ids?: string[]): Promise<void> {
    return this.act(async () => {
      const { redriven, failed, left } = await this.attempt.run([queue, ids], (key) => redrive(queue, key, ids));
      const reasons = Object.values(failed);
      const outcome = `${redriven.length} redriven.${left ? ` ${left} in the queue now.` : ''}`;
      if (reasons.length) say(`${reasons.length} could not be redriven: ${[...new Set(reasons)].join(', ')}. ${outcome}`, 'bad');
      else say(outcome);
    });
  }

  private async drop(queue: string, id: string): Promise<void> {
    if (this.doomed !== id) {
      this.doomed = id;
      return;
    }
    await this.act(async () => {
      await dropDeadLetter(queue, id);
      say('Dropped.');
    });
  }

  private async act(work: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    try {
      await work();
    } catch (error) {
      complain(error);
    } finally {
      this.doomed = '';
      await this.look();
      this.isBusy = false;
      this.dispatchEvent(new CustomEvent('queue-changed'));
      await this.updateComplete;
      this.keepFocus();
    }
  }

  /** Focuses the heading if the focused button was removed together with its dead letter. */
  private keepFocus(): void {
    if (!this.contains(document.activeElement)) this.querySelector('h2')?.focus();
  }

  private keyed(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.close();
  }

  private close(): void {
    this.choose('');
  }

  private choose(id: string): void {
    this.dispatchEvent(new CustomEvent('part-chosen', { detail: id }));
  }
}
