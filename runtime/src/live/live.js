// Keeps a page up to date with the workspace that it is made from. Runs under `script-src 'self'`; keeps to itself.
(() => {
  'use strict';
  const own = document.currentScript;
  const marker = Symbol.for('webstir.live');
  if (window[marker]) return;
  Object.defineProperty(window, marker, { value: true });

  const base = own ? own.src : location.href;
  /** What the page was made at, and later what it was brought up to. */
  let revision = (own && own.dataset.revision) || '';

  // Loading again.

  const STALE = 'webstir.stale';
  const storage = {
    get: (name) => {
      try { return sessionStorage.getItem(name); } catch { return null; }
    },
    set: (name, value) => {
      try { sessionStorage.setItem(name, value); } catch { /* A page without storage forgets. */ }
    },
  };
  let leaving = false;
  function reload() {
    // A page that comes back with the revision that it had would come back for ever.
    if (leaving || (revision && storage.get(STALE) === revision)) return;
    if (revision) storage.set(STALE, revision);
    leaving = true;
    location.reload();
  }

  // Style sheets.

  const pathOf = (address) => {
    try {
      const url = new URL(address, document.baseURI);
      return url.origin === location.origin ? url.pathname : null;
    } catch {
      return null;
    }
  };
  function imports(sheet, paths, depth = 0) {
    let rules;
    try { rules = sheet.cssRules; } catch { return false; }
    for (const rule of rules || []) {
      if (!(rule instanceof CSSImportRule)) continue;
      if (paths.has(pathOf(new URL(rule.href, sheet.href || document.baseURI).href))) return true;
      if (rule.styleSheet && depth < 16 && imports(rule.styleSheet, paths, depth + 1)) return true;
    }
    return false;
  }
  /** The clone that is on its way, by the link that it stands in for. */
  const replacements = new Map();
  function replace(link) {
    const before = replacements.get(link);
    if (before) before.remove();
    const address = new URL(link.href);
    address.searchParams.set('webstir', String(Date.now()));
    const fresh = link.cloneNode();
    fresh.removeAttribute('integrity');
    fresh.href = address.href;
    replacements.set(link, fresh);
    fresh.addEventListener('load', () => {
      if (replacements.get(link) !== fresh) return;
      replacements.delete(link);
      link.remove();
    });
    fresh.addEventListener('error', () => {
      if (replacements.get(link) === fresh) reload();
    });
    link.after(fresh);
  }
  function restyle(styles) {
    const paths = new Set(styles);
    const onTheWay = new Set(replacements.values());
    const links = [...document.querySelectorAll('link[rel~="stylesheet" i][href]')].filter((link) => !onTheWay.has(link));
    const changed = links.filter((link) => paths.has(pathOf(link.href)));
    // What a sheet imports is loaded with it, and may come from what the page already has.
    if ([...document.styleSheets].some((sheet) => imports(sheet, paths))) return reload();
    changed.forEach(replace);
  }

  // What is wrong.

  const SHEET = `
    :host { all: initial; color-scheme: light dark; }
    .cover, .panel { position: fixed; z-index: 2147483647; box-sizing: border-box; overflow: auto;
      font: 15px/1.5 system-ui, sans-serif;
      --ink: #1c1c22; --paper: #fdfcfb; --soft: #5d5d6b; --line: #d8d4cf; --box: #f2efec; --error: #b3261e; --warning: #8a5a00;
      color: var(--ink); background: var(--paper); }
    .cover { inset: 0; border-top: .25rem solid var(--error); padding: 2rem max(1rem, calc(50vw - 30rem)); }
    .panel { inset: auto 1rem 1rem 1rem; max-height: 50vh; padding: 1rem 1.25rem; border: 1px solid var(--line); border-radius: .5rem;
      border-top: .25rem solid var(--error); box-shadow: 0 .5rem 2rem #0004; }
    header { display: flex; gap: 1rem; align-items: baseline; }
    h1 { margin: 0; font-size: 1.15rem; flex: 1; }
    button { font: inherit; padding: .1rem .6rem; cursor: pointer; }
    ol { list-style: none; margin: 1rem 0 0; padding: 0; }
    li { padding: .75rem 0; border-top: 1px solid var(--line); }
    p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
    .place, .code, .note { color: var(--soft); font-size: .9rem; }
    .place { font-family: ui-monospace, monospace; }
    .error { color: var(--error); font-weight: 600; }
    .warning { color: var(--warning); font-weight: 600; }
    pre { margin: .5rem 0; padding: .6rem .8rem; overflow: auto; background: var(--box); border-radius: .3rem;
      font: 13px/1.5 ui-monospace, monospace; tab-size: 2; }
    @media (prefers-color-scheme: dark) {
      .cover, .panel { --ink: #ececf1; --paper: #19191f; --soft: #a5a5b4; --line: #3a3a45; --box: #24242c; --error: #ff8a80;
        --warning: #ffc66b; }
    }`;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  function describe(finding) {
    const item = element('li');
    const place = [finding.file, finding.line, finding.column].filter((part) => part !== undefined).join(':');
    if (place) item.append(element('p', 'place', place));
    item.append(element('p', finding.severity, finding.message));
    if (finding.code) item.append(element('p', 'code', finding.code));
    if (finding.frame) item.append(element('pre', '', finding.frame));
    if (finding.help) item.append(element('p', 'note', `help: ${finding.help}`));
    return item;
  }

  class Overlay extends HTMLElement {
    constructor() {
      super();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
      this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet];
    }

    show(kind, listed, close) {
      const isBuild = kind === 'build';
      this.dataset.kind = kind;
      const box = element('section', isBuild ? 'cover' : 'panel');
      box.setAttribute('role', isBuild ? 'alertdialog' : 'status');
      box.setAttribute('aria-label', isBuild ? 'The build failed' : 'Findings');
      box.tabIndex = -1;
      const count = listed.findings.length + listed.more;
      const header = element('header');
      header.append(element('h1', '', isBuild ? 'The build failed' : `${count} ${count === 1 ? 'finding' : 'findings'}`));
      if (!isBuild) {
        const button = element('button', '', 'Close');
        button.type = 'button';
        button.addEventListener('click', close);
        header.append(button);
      }
      const list = element('ol');
      const rank = ['error', 'warning', 'info'];
      const sorted = [...listed.findings].sort((one, other) => rank.indexOf(one.severity) - rank.indexOf(other.severity));
      list.append(...sorted.map(describe));
      if (listed.more) list.append(element('li', 'note', `and ${listed.more} more`));
      const hint = isBuild ? 'This page goes on when the build succeeds. Esc shows it as it was.' : 'Esc closes this.';
      box.append(header, list, element('p', 'note', hint));
      const top = this.shadowRoot.firstElementChild ? this.shadowRoot.firstElementChild.scrollTop : 0;
      this.shadowRoot.replaceChildren(box);
      box.scrollTop = top;
    }
  }
  const NAME = 'webstir-overlay';
  if (!customElements.get(NAME)) customElements.define(NAME, Overlay);

  const DISMISSED = 'webstir.dismissed';
  let overlay = null;
  let shown = null;
  function hide() {
    if (overlay) overlay.remove();
    overlay = null;
    shown = null;
  }
  function close() {
    if (shown && shown.kind === 'types') storage.set(DISMISSED, shown.text);
    hide();
  }
  function present(all) {
    const kind = ['build', 'types'].find((name) => all[name].findings.some((finding) => finding.severity === 'error'));
    if (!kind) return hide();
    const text = JSON.stringify(all[kind]);
    // What was put away stays away until it says something else.
    if (kind === 'types' && storage.get(DISMISSED) === text) return hide();
    if (!overlay) {
      overlay = document.createElement(NAME);
      document.documentElement.append(overlay);
    }
    shown = { kind, text };
    overlay.show(kind, all[kind], close);
  }
  addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !shown) return;
    event.stopImmediatePropagation();
    close();
  }, true);

  // Listening.

  const PATIENCE = 20000;
  let source = null;
  let retry = 0;
  let hidden = 0;
  function disconnect() {
    clearTimeout(retry);
    if (source) source.close();
    source = null;
  }
  function connect() {
    disconnect();
    const address = new URL('/__webstir/events', base);
    if (revision) address.searchParams.set('revision', revision);
    source = new EventSource(address);
    const listen = (name, heard) => source.addEventListener(name, (event) => {
      heard(event.data);
      if (event.lastEventId && !leaving) revision = event.lastEventId;
    });
    source.onmessage = (event) => {
      if (event.data === 'reload') reload();
      if (event.data === 'shutdown') connectLater();
    };
    listen('hmr', (data) => {
      const update = JSON.parse(data);
      if (update.requiresReload) reload();
      else restyle(update.styles);
    });
    source.addEventListener('findings', (event) => present(JSON.parse(event.data)));
    // A browser gives up for good when the answer is no stream of events, as from a proxy whose server is away.
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) connectLater();
    };
  }
  function connectLater() {
    disconnect();
    retry = setTimeout(connect, 1000);
  }
  // Browsers open few connections to one server: tabs that nobody looks at leave them to others, and catch up later.
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden);
    if (document.visibilityState === 'hidden') hidden = setTimeout(disconnect, PATIENCE);
    else if (!source) connect();
  });
  addEventListener('pagehide', disconnect);
  addEventListener('pageshow', (event) => {
    if (event.persisted) {
      leaving = false;
      storage.set(STALE, '');
      connect();
    }
  });
  connect();
})();
