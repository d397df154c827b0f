/** The element that a selector names; the page is broken where it is missing. */
export function find<T extends Element>(
  selector: string,
  kind: new () => T,
  within: ParentNode = document,
): T {
  const element = within.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`no ${selector} in the page`);
  return element;
}

const COPIED_MS = 1200;

/** Makes a button copy a text, and say that it did. */
export function copies(button: HTMLButtonElement, text: () => string): void {
  const label = button.textContent;
  button.addEventListener('click', async () => {
    button.textContent = (await copy(text())) ? 'Copied' : 'Press Ctrl+C';
    window.setTimeout(() => {
      button.textContent = label;
    }, COPIED_MS);
  });
}

/** The clipboard is only there on secure pages: elsewhere the old way is tried. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
