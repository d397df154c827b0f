import { copies, find } from './elements.ts';
import type { ServerState } from './server-state.ts';

const USUAL_PORT = 1935;

/** Fills the card that tells how to publish, with addresses that work on this server. */
export function fillGettingStarted({ publish = [] }: Pick<ServerState, 'publish'>): void {
  const { app, port } = publish[0] ?? { app: 'live', port: USUAL_PORT };
  const server = `rtmp://${location.hostname}${port === USUAL_PORT ? '' : `:${port}`}/${app}`;
  find('#obs-server', HTMLElement).textContent = server;
  find('#ffmpeg-file', HTMLElement).textContent = `ffmpeg -re -i video.mp4 -c copy -f flv ${server}/test`;
  find('#ffmpeg-test', HTMLElement).textContent =
    'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine' +
    ` -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 50 -c:a aac -f flv ${server}/test`;
}

/** Makes every button that names an element copy its text. */
export function wireCopyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copies]')) {
    copies(button, () => find(`#${button.dataset['copies']}`, HTMLElement).textContent ?? '');
  }
}
