import { html, type Html } from '@webstir-io/webstir-backend/runtime/views';

/** The document around a page. */
export function layout(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>
      body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
      form { display: grid; gap: 0.75rem; margin-block: 1.5rem; }
      label { display: grid; gap: 0.25rem; }
      input, textarea, button { padding: 0.5rem; font: inherit; }
      .error { color: #b3261e; }
      .success { color: #146c2e; }
    </style>
  </head>
  <body>
    <header><h1>${title}</h1></header>
    <main>${content}</main>
  </body>
</html>
`;
}
