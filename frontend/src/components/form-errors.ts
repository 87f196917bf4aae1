import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { whatIsWrong } from './field';

type Control = HTMLInputElement | HTMLSelectElement;

/** The errors beside a form's fields: found on leaving a field, on submit, or returned by the server. */
export class FormErrors implements ReactiveController {
  private messages: Record<string, string | undefined> = {};

  constructor(private host: ReactiveControllerHost & HTMLElement) {
    host.addController(this);
  }

  hostConnected(): void {}

  of(name: string): string | undefined {
    return this.messages[name];
  }

  /** For focusout: judges a field once it was left, never while it is still empty and untouched. */
  readonly leave = (event: FocusEvent): void => {
    const control = event.target as Control;
    if (control.name && (control.value || this.messages[control.name])) this.judge(control);
  };

  /** For input: takes an error away as soon as it no longer holds. */
  readonly mend = (event: Event): void => {
    const control = event.target as Control;
    if (this.messages[control.name]) this.judge(control);
  };

  /** Judges the whole form and moves the focus to the first field that is wrong. */
  isFine(form: HTMLFormElement): boolean {
    const controls = [...form.elements].filter(
      (element): element is Control => element instanceof HTMLInputElement || element instanceof HTMLSelectElement,
    );
    for (const control of controls) if (control.type !== 'radio') this.judge(control);
    return !this.focusFirst();
  }

  /** Shows what the server found; true when every error has a field to stand beside. */
  show(errors: Record<string, string>): boolean {
    this.messages = { ...this.messages, ...errors };
    this.host.requestUpdate();
    return this.focusFirst();
  }

  /** Judges one control again, because what is right for it has changed. */
  judge(control: Control): void {
    this.messages = { ...this.messages, [control.name]: whatIsWrong(control) };
    this.host.requestUpdate();
  }

  /** Takes the errors of these fields away, and leaves the focus where it is. */
  forget(...names: string[]): void {
    this.messages = { ...this.messages, ...Object.fromEntries(names.map((name) => [name, undefined])) };
    this.host.requestUpdate();
  }

  private focusFirst(): boolean {
    const names = Object.keys(this.messages).filter((name) => this.messages[name]);
    const controls = [...this.host.querySelectorAll<Control>('input, select')];
    const first = controls.find(({ name }) => names.includes(name));
    first?.focus();
    return first !== undefined;
  }
}
