// The handlers that every server runs: strings and arrays, escaped by hand, as an ordinary application has them.
import { prepareFormState } from '@webstir-io/webstir-backend/runtime/forms';

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);

const items = Array.from({ length: 14 }, (_, number) => ({
  id: number,
  name: `Item <${number}> & "others"`,
  price: number * 1.25,
  tags: ['a', 'b'],
}));

export const page = () =>
  `<!doctype html><html><head><title>Items</title></head><body><h1>Items</h1><ul>${items
    .map((item) => `<li id="item-${item.id}"><a href="/items/${item.id}">${escape(item.name)}</a> <span class="price">${item.price.toFixed(2)}</span></li>`)
    .join('')}</ul></body></html>`;

export const list = () => ({ items: items.map(({ id, name, price, tags }) => ({ id, name, price, tags })) });

const form = { name: 'save', method: 'POST', path: '/form', form: { csrf: true } };

export const module = {
  manifest: { contractVersion: '1.0.0', name: 'bench', version: '1.0.0', kind: 'backend' },
  routes: [
    { definition: { name: 'page', method: 'GET', path: '/page' }, handler: () => ({ body: page() }) },
    { definition: { name: 'list', method: 'GET', path: '/json' }, handler: () => ({ body: list() }) },
    {
      definition: { name: 'form', method: 'GET', path: '/form' },
      handler(ctx) {
        const state = prepareFormState({ session: ctx.session, formId: 'save', route: form });
        ctx.session = state.session;
        return { body: `${page()}<form method="post"><input type="hidden" name="_csrf" value="${state.csrfToken}"></form>` };
      },
    },
  ],
};
