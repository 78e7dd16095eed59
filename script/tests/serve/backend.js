// What the built-in backend modules do, checked by themselves: run by the embedded engine and by Node.
import * as forms from '@webstir-io/webstir-backend/runtime/forms';
import * as hooks from '@webstir-io/webstir-backend/runtime/request-hooks';
import * as sessions from '@webstir-io/webstir-backend/runtime/session';
import * as views from '@webstir-io/webstir-backend/runtime/views';
import { adoptFormState, formStateOf, hasCsrfToken, spendCsrfToken, wasCsrfChecked } from 'webstir:backend/form-state';

const cases = {
  'a valid token passes once, and a replay fails with what was sent'() {
    const { session, csrfToken } = forms.prepareFormState({ session: null, formId: 'a', csrf: true });
    const submit = () => forms.processFormSubmission({ session, formId: 'a', csrf: true, body: { _csrf: csrfToken, name: 'x', n: 1, list: ['p', 'q'] } });
    const first = submit();
    const again = submit();
    const shown = forms.prepareFormState({ session, formId: 'a', csrf: true });
    return [
      [first.ok, first.values, again.ok, again.issues, again.result.status, shown.values, shown.issues[0].code, shown.csrfToken === csrfToken],
      [true, { name: 'x', list: ['p', 'q'] }, false, [{ code: 'csrf', message: 'Form session expired. Reload the page and try again.' }], 403, { name: 'x', list: ['p', 'q'] }, 'csrf', false],
    ];
  },
  'issues are shown once'() {
    const failed = forms.processFormSubmission({ session: {}, formId: 'a', body: {}, redirectTo: '/a', validate: () => [{ field: 'name', message: 'Missing' }] });
    const first = forms.prepareFormState({ session: failed.session, formId: 'a' });
    const second = forms.prepareFormState({ session: failed.session, formId: 'a' });
    return [
      [failed.result, first.issues, second.issues],
      [
        { status: 303, redirect: { location: '/a' }, errors: [{ code: 'validation', message: 'Missing', details: { field: 'name', reason: 'validation' } }] },
        [{ code: 'validation', field: 'name', message: 'Missing' }],
        [],
      ],
    ];
  },
  'several tokens of a form are outstanding, the oldest is dropped, a mismatch keeps them'() {
    const session = {};
    const tokens = Array.from({ length: 10 }, () => forms.prepareFormState({ session, formId: 'a', csrf: true }).csrfToken);
    const submit = (token) => forms.processFormSubmission({ session, formId: 'a', csrf: true, body: { _csrf: token } }).ok;
    return [
      [submit(tokens[1]), submit('wrong'), submit([tokens[2]]), submit(tokens[9]), hasCsrfToken(session, tokens[2]), hasCsrfToken(session, tokens[3])],
      [false, false, true, true, false, true],
    ];
  },
  'a token is bound to its form'() {
    const { session, csrfToken } = forms.prepareFormState({ session: {}, formId: 'a', csrf: true });
    forms.prepareFormState({ session, formId: 'b', csrf: true });
    const result = forms.processFormSubmission({ session, formId: 'b', csrf: true, body: { _csrf: csrfToken } });
    return [result.ok, false];
  },
  'whether a token was looked at is known of the session and of the body'() {
    const body = { _csrf: 'wrong' };
    const { session } = forms.prepareFormState({ session: {}, formId: 'a', csrf: true });
    const before = wasCsrfChecked(session, body);
    forms.processFormSubmission({ session, formId: 'a', csrf: true, body });
    const unasked = {};
    forms.processFormSubmission({ session: unasked, formId: 'a', body: {} });
    return [
      [before, wasCsrfChecked(session), wasCsrfChecked(null, body), wasCsrfChecked(unasked), wasCsrfChecked(null, undefined)],
      [false, true, true, false, false],
    ];
  },
  'a token can be spent without its form'() {
    const { session, csrfToken } = forms.prepareFormState({ session: {}, formId: 'a', csrf: true });
    return [
      [spendCsrfToken(session, 'wrong'), spendCsrfToken(session, csrfToken), spendCsrfToken(session, csrfToken)],
      [false, true, false],
    ];
  },
  's13_ a null auth is not signed in'() {
    const submit = (auth, requireAuth) => forms.processFormSubmission({ session: {}, formId: 'a', body: {}, auth, requireAuth });
    const refused = submit(null, { redirectTo: '/in', message: 'Please' });
    return [
      [submit(undefined, true).result.status, refused.result, submit({ userId: 1 }, true).ok],
      [401, { status: 303, redirect: { location: '/in' }, errors: [{ code: 'auth', message: 'Please', details: { reason: 'auth' } }] }, true],
    ];
  },
  's13_ the forms of a session are bounded'() {
    const session = {};
    for (let index = 0; index < 100; index += 1) {
      const now = () => new Date(index * 1000);
      forms.processFormSubmission({ session, formId: `f${index}`, csrf: true, body: { index: String(index) }, now });
      forms.prepareFormState({ session, formId: `g${index}`, csrf: true });
    }
    const { csrf, states } = formStateOf(session);
    return [[Object.keys(csrf).length, Object.keys(states).length, 'f99' in states, 'f0' in states], [32, 32, true, false]];
  },
  'c15_ a session replaced by spreading keeps its form state'() {
    const { session, csrfToken } = forms.prepareFormState({ session: { a: 1 }, formId: 'a', csrf: true });
    const replaced = { ...session, b: 2 };
    const lost = formStateOf(replaced);
    adoptFormState(replaced, formStateOf(session));
    const ok = forms.processFormSubmission({ session: replaced, formId: 'a', csrf: true, body: { _csrf: csrfToken } }).ok;
    return [[lost === undefined, ok, Object.keys(session), JSON.stringify(session)], [true, true, ['a'], '{"a":1}']];
  },
  'stored state of any kind is cleaned'() {
    const session = {};
    adoptFormState(session, JSON.parse('{"csrf":{"a":"old","b":3,"__proto__":["t"],"c":["x",1]},"states":{"a":{"values":{"v":"1","n":2},"issues":[{"message":"m","code":"odd"},{"field":"f"}]},"b":1}}'));
    return [
      JSON.parse(JSON.stringify(formStateOf(session))),
      JSON.parse('{"csrf":{"a":["old"],"__proto__":["t"],"c":["x"]},"states":{"a":{"values":{"v":"1"},"issues":[{"message":"m"}],"createdAt":"1970-01-01T00:00:00.000Z"}}}'),
    ];
  },
  'state that an old version kept among the data is read and hidden'() {
    const session = { a: 1, __webstir_form_runtime: { csrf: { a: 'old' }, states: {} } };
    const ok = forms.processFormSubmission({ session, formId: 'a', csrf: true, body: { _csrf: 'old' } }).ok;
    return [[ok, Object.keys(session)], [true, ['a']]];
  },
  'a session that cannot be changed has no state and raises nothing'() {
    const frozen = Object.freeze({ a: 1 });
    adoptFormState(frozen, { csrf: { a: ['t'] } });
    const emptied = {};
    adoptFormState(emptied, { csrf: { a: ['t'] } });
    adoptFormState(emptied, undefined);
    return [[formStateOf(frozen), hasCsrfToken(frozen, 't'), formStateOf(emptied), Object.getOwnPropertySymbols(emptied).length], [undefined, false, undefined, 0]];
  },
  'issues are grouped by field'() {
    return [
      forms.groupFormIssuesByField([{ message: 'a' }, { field: 'x', message: 'b' }, { field: 'x', message: 'c' }, { field: 'y', message: '' }]),
      { form: ['a'], fields: { x: ['b', 'c'] } },
    ];
  },
  async 'hooks run by phase, order and id'() {
    const ran = [];
    const registration = (id) => ({ id, handler: (ctx, { phase, result }) => void ran.push([id, phase, result]) });
    const { hooks: resolved, warnings } = hooks.resolveRequestHooks({
      routeName: 'r',
      routeReferences: [{ id: 'c' }, { id: ' b ' }, { id: 'a' }, { id: 'a' }, { id: '' }, { id: 'x' }, { id: 'y' }],
      manifestDefinitions: [{ id: 'a', phase: 'beforeHandler', order: 1.5 }, { id: 'b', phase: 'beforeHandler', order: -1 }, { id: 'c', phase: 'beforeAuth' }, { id: 'y', phase: 'afterHandler' }],
      registrations: ['a', 'b', 'c', 'x'].map(registration),
    });
    const done = await hooks.executeRequestHookPhase({ hooks: resolved, phase: 'beforeHandler', context: {}, route: {} });
    return [
      [resolved.map(({ id }) => id), warnings, ran, done],
      [
        ['c', 'b', 'a'],
        ['Route "r" references request hook "x" without manifest metadata.', 'Route "r" references request hook "y" without an implementation.'],
        [['b', 'beforeHandler', undefined], ['a', 'beforeHandler', undefined]],
        { shortCircuited: false },
      ],
    ];
  },
  async 'c16_ a hook that returns null does not skip the hooks after it'() {
    const hook = (id, value) => ({ id, phase: 'beforeAuth', order: 0, handler: () => value });
    const run = (list) => hooks.executeRequestHookPhase({ hooks: list, phase: 'beforeAuth', context: {}, route: {} });
    return [await run([hook('a', null), hook('b', { status: 204 }), hook('c', { status: 500 })]), { result: { status: 204 }, shortCircuited: true }];
  },
  async 'hooks after the handler replace the result, and a fault is logged and thrown'() {
    const hook = (id, handler) => ({ id, phase: 'afterHandler', order: 0, handler });
    const logged = [];
    const run = (list) => hooks.executeRequestHookPhase({ hooks: list, phase: 'afterHandler', context: {}, route: {}, result: 1, logger: { error: (message) => logged.push(message) } });
    const replaced = await run([hook('a', (ctx, { result }) => result + 1), hook('b', () => undefined), hook('c', (ctx, { result }) => result * 10)]);
    const thrown = await run([hook('a', () => { throw new Error('no'); })]).catch((error) => error.message);
    return [[replaced, thrown, logged], [{ result: 20, shortCircuited: false }, 'no', ['request hook failed']]];
  },
  'an update keeps the id, clearing deletes'() {
    const store = sessions.createInMemorySessionStore();
    const config = { secret: 's', cookieName: 'sid', secure: false, maxAgeSeconds: 60 };
    const prepare = (cookies) => sessions.prepareSessionState({ cookies, config, store });
    const first = prepare(undefined).commit({ session: { a: 1 } });
    const cookie = first.setCookie.split(';')[0];
    const second = prepare(cookie);
    const update = second.commit({ session: { ...second.session, b: 2 } });
    const third = prepare(cookie);
    const seen = [{ ...third.session }, third.session.id === first.session.id, Object.keys(third.session)];
    const cleared = third.commit({ session: null });
    const fourth = prepare(cookie);
    const next = fourth.commit({ session: { c: 3 } });
    return [
      [/^sid=[0-9a-f-]{36}\.[\w-]{43}; Path=\/; Max-Age=60; SameSite=Lax; HttpOnly$/.test(first.setCookie), update.setCookie, seen, cleared.setCookie, fourth.session, next.session.id === first.session.id],
      [true, undefined, [{ a: 1, b: 2 }, true, ['a', 'b']], 'sid=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly', null, false],
    ];
  },
  'expired records and wrong cookies are cleared, and stores are apart'() {
    const store = sessions.createInMemorySessionStore();
    const config = { secret: 's', cookieName: 'sid', secure: true, maxAgeSeconds: 1 };
    const made = sessions.prepareSessionState({ config, store, now: () => new Date(0) }).commit({ session: { a: 1 } });
    const cookie = made.setCookie.split(';')[0];
    const other = sessions.prepareSessionState({ cookies: cookie, config, store: sessions.createInMemorySessionStore(), now: () => new Date(1) });
    const late = sessions.prepareSessionState({ cookies: cookie, config, store, now: () => new Date(5000) });
    const forged = sessions.prepareSessionState({ cookies: 'sid=abc.def', config, store }).commit({ session: null });
    const clearing = 'sid=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly; Secure';
    return [[other.session, late.session, late.commit({ session: null }).setCookie, forged.setCookie, store.get(made.session.id)], [null, null, clearing, clearing, undefined]];
  },
  'flash is published and consumed, and form state survives, outside of the value'() {
    const store = sessions.createInMemorySessionStore();
    const config = { secret: 's', cookieName: 'sid', secure: false, maxAgeSeconds: 60 };
    const form = forms.prepareFormState({ session: { a: 1 }, formId: 'f', csrf: true });
    const route = { flash: { publish: [{ key: 'saved', when: 'success' }, { key: 'bad', when: 'error' }] } };
    const made = sessions.prepareSessionState({ config, store }).commit({ session: form.session, route, result: { status: 303 } });
    const record = store.get(made.session.id);
    const next = sessions.prepareSessionState({ cookies: made.setCookie.split(';')[0], config, store, route: { form: { flash: { consume: ['saved'] } } } });
    next.commit({ session: next.session });
    return [
      [record.value, record.runtime.flash.map(({ key, level }) => [key, level]), Object.keys(record.runtime.form.csrf), next.flash.map(({ key }) => key), hasCsrfToken(next.session, form.csrfToken), store.get(made.session.id).runtime.flash],
      [{ a: 1 }, [['saved', 'info']], ['f'], ['saved'], true, undefined],
    ];
  },
  'c15_ a field of the application may be called id'() {
    const store = sessions.createInMemorySessionStore();
    const config = { secret: 's', cookieName: 'sid', secure: false, maxAgeSeconds: 60 };
    const made = sessions.prepareSessionState({ config, store }).commit({ session: { id: 'mine' } });
    const cookie = made.setCookie.split(';')[0];
    const { session } = sessions.prepareSessionState({ cookies: cookie, config, store });
    return [[session.id, cookie.includes('mine')], ['mine', false]];
  },
  'c10_ the paths of views are literal'() {
    const compiled = views.compileViews([{ definition: { path: '/a.b/:id' } }, { definition: { path: '/v:x.json', name: 'v' } }, { definition: { path: '/(' } }]);
    const match = (path) => views.matchView(compiled, path);
    return [
      [match('/a.b/x%20y')?.params, match('/aXb/1'), match('/v2.json')?.view.name, match('/(')?.view.pathPattern, match('/a.b/1/')?.params],
      [{ id: 'x y' }, undefined, 'v', '/(', { id: '1' }],
    ];
  },
  'markup escapes what is not markup'() {
    const { html, raw, escapeHtml } = views;
    const list = ['<', 2].map((item) => html`<li>${item}</li>`);
    return [
      [String(html`<p title="${'"'}">${list}${null}${false}${undefined}${0}${raw('<b>')}</p>`), escapeHtml(`&<>"'`), escapeHtml('\ud800') === escapeHtml('\ud800')],
      ['<p title="&quot;"><li>&lt;</li><li>2</li>0<b></p>', '&amp;&lt;&gt;&quot;&#39;', true],
    ];
  },
};
