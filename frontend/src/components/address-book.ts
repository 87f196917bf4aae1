/** The customer's address book: keep, change, delete, choose the default. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { asAsked, deleteAddress, keepAddress, listAddresses, type KnownAddress } from '../account-api';
import { addressFields, likelyCountry } from '../addresses';
import { listCountries, type Country, type ShippingAddress } from '../api';
import { complain, say } from '../toast';
import { field } from './field';
import { FormPage } from './form-page';
import { errorState, skeletonLines } from './states';

const LIMIT = 10;

type Details = Record<string, string>;

@customElement('address-book')
export class AddressBook extends FormPage {
  @state() private known: KnownAddress[] | null = null;
  @state() private failure: unknown = null;
  /** What is typed, while an address is added or changed. */
  @state() private details: Details | null = null;
  private edited: KnownAddress | null = null;
  private countries: Country[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  protected override render() {
    return html`
      <h2 id="addresses">Addresses</h2>
      ${this.failure ? errorState(this.failure, () => this.load()) : this.known ? this.opened(this.known) : skeletonLines(4)}
    `;
  }

  private async load(): Promise<void> {
    this.failure = null;
    try {
      [this.known, this.countries] = await Promise.all([listAddresses(), listCountries()]);
    } catch (error) {
      this.failure = error;
    }
  }

  private opened(known: KnownAddress[]): TemplateResult {
    if (this.details) return this.editor(this.details);
    return html`
      ${known.length
        ? html`<ul class="address-list">${known.map((each) => this.entry(each))}</ul>`
        : html`<p>None yet. An address that you keep here is one tap at the next checkout.</p>`}
      ${known.length < LIMIT
        ? html`<button class="button button-quiet" data-testid="add-address" @click=${() => this.edit(null)}>Add an address</button>`
        : html`<p class="small-print">That is as many as we keep: ${LIMIT}.</p>`}
    `;
  }

  private entry(each: KnownAddress): TemplateResult {
    const [name] = each.label;
    return html`
      <li data-testid="known-address">
        <address>${each.label.map((line) => html`<span dir="auto">${line}</span><br>`)}
          ${each.address.phone ? html`<span dir="ltr">${each.address.phone}</span>` : nothing}
        </address>
        ${each.is_default ? html`<p class="address-default">Default</p>` : nothing}
        <p class="address-actions">
          <button class="text-link" aria-label="Change the address of ${name}" @click=${() => this.edit(each)}>Change</button>
          ${each.is_default
            ? nothing
            : html`<button class="text-link" aria-label="Make the address of ${name} the default" @click=${() => this.makeDefault(each)}>Make default</button>`}
          <button class="text-link" data-testid="delete-address" aria-label="Delete the address of ${name}" @click=${() => this.forget(each)}>Delete</button>
        </p>
      </li>
    `;
  }

  private editor(details: Details): TemplateResult {
    const fields = addressFields(this.countries, details.country).map((each) =>
      field({ ...each, testid: each.testid?.replace('checkout', 'address'), value: details[each.name] ?? '', error: this.errors.of(each.name) }),
    );
    return html`
      <div class="address-editor" @input=${this.typed}>
        ${this.form(html`<div class="fields">${fields}</div>`, { label: 'Keep the address', sending: 'Writing it down…', testid: 'keep-address' })}
        <button class="button button-quiet" @click=${() => (this.details = null)}>Cancel</button>
      </div>
    `;
  }

  private async edit(each: KnownAddress | null): Promise<void> {
    this.edited = each;
    this.trouble = '';
    this.errors.forget(...(this.details ? Object.keys(this.details) : []));
    this.details = each ? { ...(asAsked(each) as unknown as Details) } : { country: likelyCountry(this.countries) };
    await this.updateComplete;
    this.querySelector<HTMLElement>('input, select')?.focus();
  }

  private readonly typed = (event: Event): void => {
    const { name, value } = event.target as HTMLInputElement;
    this.details = { ...this.details, [name]: value };
    if (name !== 'country') return;
    this.details = { ...this.details, region: '' };
    this.errors.forget('region', 'city', 'postal_code');
  };

  protected override async send(): Promise<void> {
    const details = this.details!;
    const asked = addressFields(this.countries, details.country).map(({ name }) => [name, details[name]?.trim()]);
    const address = Object.fromEntries(asked.filter(([, value]) => value)) as unknown as ShippingAddress;
    this.known = await keepAddress({ address, is_default: this.edited?.is_default ?? false }, this.edited?.id);
    this.details = null;
    say('Address kept.');
  }

  /** A problem names a field of the address within the body. */
  protected override explain(error: unknown): void {
    super.explain(error);
    const named = (error as { errors?: { field: string; message: string }[] }).errors ?? [];
    this.errors.show(Object.fromEntries(named.map(({ field: path, message }) => [path.split('.').at(-1)!, message])));
  }

  private makeDefault(each: KnownAddress): Promise<void> {
    return this.change(() => keepAddress({ address: asAsked(each), is_default: true }, each.id));
  }

  private forget(each: KnownAddress): Promise<void> {
    return this.change(() => deleteAddress(each.id));
  }

  private async change(work: () => Promise<KnownAddress[]>): Promise<void> {
    try {
      this.known = await work();
    } catch (error) {
      complain(error);
    }
  }
}
