// Edits a workspace and prints what a page shows of it. Arguments: the browser, the address, the workspace, a place for a picture.
import fs from 'node:fs';
import path from 'node:path';
import puppeteer from 'puppeteer-core';

const [, , executablePath, address, root, picture] = process.argv;
const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'];
const browser = await puppeteer.launch({ executablePath, args });
const seen = {};
const edit = (file, from, to) => {
  const place = path.join(root, file);
  fs.writeFileSync(place, fs.readFileSync(place, 'utf8').replace(from, to));
};
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${address}/shown`);
  const text = () => page.evaluate(() => document.querySelector('main').textContent);
  const until = (expression) => page.waitForFunction(expression, { polling: 50 });
  seen.first = await text();

  edit('src/backend/module.ts', 'first words', 'second words');
  await until("document.querySelector('main').textContent === 'second words'");
  seen.handler = await text();

  await page.goto(`${address}/`);
  const colour = () => page.evaluate(() => getComputedStyle(document.querySelector('h1')).color);
  seen.colour = await colour();
  await page.type('input', 'typed');
  await page.evaluate(() => {
    window.stays = true;
    window.scrollTo(0, 400);
  });
  edit('src/frontend/pages/home/index.css', 'rgb(1, 2, 3)', 'rgb(4, 5, 6)');
  await until("getComputedStyle(document.querySelector('h1')).color === 'rgb(4, 5, 6)'");
  seen.style = await page.evaluate(() => ({
    stays: window.stays === true,
    typed: document.querySelector('input').value,
    scrolled: window.scrollY,
  }));

  edit('src/frontend/pages/home/index.html', '<h1>Home</h1>', '<h1>Changed</h1>');
  await until("document.querySelector('h1').textContent === 'Changed'");
  seen.page = await page.evaluate(() => window.stays === undefined);

  // The overlay is closed to scripts of the page, not to the accessibility tree.
  const told = async () => JSON.stringify(await page.accessibility.snapshot({ interestingOnly: false }));
  const untilTold = async (wanted) => {
    for (let tries = 0; tries < 600; tries += 1) {
      if (wanted(await told())) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  };
  edit('src/backend/module.ts', 'second words', "second words' + ;'");
  seen.broken = await untilTold((tree) => tree.includes('src/backend/module.ts:') && tree.includes('Expression expected'));
  await page.screenshot({ path: picture });
  edit('src/backend/module.ts', "second words' + ;'", 'third words');
  seen.mended = await untilTold((tree) => !tree.includes('src/backend/module.ts:') && tree.includes('Changed'));
  await page.goto(`${address}/shown`);
  seen.last = await text();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
