// Opens the starter's page, adds notes, and prints what a visitor saw. Arguments: the browser, the address.
import puppeteer from 'puppeteer-core';

const [, , executablePath, address] = process.argv;
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
const seen = {};
try {
  const look = (page) =>
    page.evaluate(() => ({
      path: location.pathname,
      notes: [...document.querySelectorAll('article p:first-child')].map((note) => note.textContent.trim()),
      flash: document.querySelector('.success')?.textContent ?? null,
      issues: [...document.querySelectorAll('.error')].map((issue) => issue.textContent.trim()),
      author: document.querySelector('[name=author]').value,
    }));
  const submit = async (page, author, text) => {
    await page.evaluate((author, text) => {
      document.querySelector('[name=author]').value = author;
      document.querySelector('[name=text]').value = text;
    }, author, text);
    const statuses = [];
    const note = (response) => {
      if (response.request().isNavigationRequest()) statuses.push(response.status());
    };
    page.on('response', note);
    await Promise.all([page.waitForNavigation(), page.click('form button')]);
    page.off('response', note);
    return statuses;
  };

  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setJavaScriptEnabled(false);
  await page.goto(address);
  seen.first = await look(page);
  seen.refusedStatuses = await submit(page, '', 'No name');
  seen.refused = await look(page);
  seen.addedStatuses = await submit(page, 'Ada', '<b>One</b> & "two"');
  seen.added = await look(page);
  await page.reload();
  seen.reloaded = await look(page);

  // Another visitor, with scripts: the same form sent by fetch.
  const other = await (await browser.createBrowserContext()).newPage();
  await other.goto(address);
  seen.other = await look(other);
  seen.fetched = await other.evaluate(async () => {
    const form = new FormData(document.querySelector('form'));
    form.set('author', 'Bob');
    form.set('text', 'Sent by a script');
    const response = await fetch('/', { method: 'POST', body: new URLSearchParams(form) });
    const text = await response.text();
    return { status: response.status, redirected: response.redirected, flash: text.includes('Your note was added.') };
  });
  await other.reload();
  seen.afterFetch = await look(other);
  // A token is spent by its first use.
  seen.replayed = await other.evaluate(async () => {
    const send = () => fetch('/', { method: 'POST', body: new URLSearchParams(form) }).then((response) => response.text());
    const form = new FormData(document.querySelector('form'));
    form.set('author', 'Bob');
    form.set('text', 'Twice');
    return [await send(), await send()].map((text) => text.includes('Form session expired'));
  });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
