// Opens a page and answers what it is asked of it: a line with an expression in, a line with its JSON out. `key:` presses a key,
// `picture:` takes a picture of the window. Arguments: the browser, the address.
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const [, , executablePath, address] = process.argv;
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1000, height: 700 });
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text());
  });
  await page.goto(address, { waitUntil: 'load' });
  for await (const line of createInterface({ input: process.stdin })) {
    let answer = null;
    if (line === 'faults') answer = faults;
    else {
      try {
        if (line.startsWith('key:')) await page.keyboard.press(line.slice(4));
        else if (line.startsWith('picture:')) await page.screenshot({ path: line.slice(8) });
        else answer = (await page.evaluate(line)) ?? null;
      } catch {
        // It is being loaded: whoever asks asks again.
      }
    }
    console.log(JSON.stringify(answer));
  }
} finally {
  await browser.close();
}
