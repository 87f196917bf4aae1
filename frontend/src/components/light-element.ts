import { LitElement } from 'lit';

/** An element without a shadow root: the one stylesheet of the shop reaches into it. */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
