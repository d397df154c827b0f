import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterFile, childEnvironment } from './children.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A page in headless Chromium, and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts, of the console and of the content security policy. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** Opens an address in a browser of its own, which ends with the test file. */
export async function openPage(
  url: string,
  { width = 1280, height = 800, dark = false }: { width?: number; height?: number; dark?: boolean } = {},
): Promise<OpenPage> {
  const browser: Browser = await chromium.launch({
    executablePath: browserPath(),
    env: definedOnly(childEnvironment()),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
  afterFile(() => browser.close());
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, close: () => browser.close() };
}

/** The browser: that of CHROMIUM_PATH, or one that is installed. */
function browserPath(): string {
  const wish = process.env.CHROMIUM_PATH;
  if (wish !== undefined) return wish;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  throw new Error('no Chromium is installed, and CHROMIUM_PATH is not set');
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
