import { html } from 'lit';

export const notFound = html`
  <section class="auth-layout">
    <h1>Nothing here</h1>
    <p>The console has no page at this address.</p>
    <div class="actions"><a class="button" href="/admin/orders">Orders</a></div>
  </section>
`;
