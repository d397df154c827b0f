import { withArguments } from './arguments.ts';
import { find } from './elements.ts';
import { playFlv } from './flv-player.ts';
import { fillGettingStarted, wireCopyButtons } from './getting-started.ts';
import { playHls } from './hls-player.ts';
import { LiveEdge } from './live-edge.ts';
import type { MediadPlayer } from './measurement.ts';
import { Pane } from './pane.ts';
import { askServer, type LiveStream, ServerClock, type ServerState } from './server-state.ts';

const TICK_MS = 100;
const ASK_EVERY_MS = 2000;

const BY_SERVER = 'Delay: the server’s live edge by its own clock, less the moment of the picture shown.';
const BY_ARRIVAL =
  'Delay: FLV since its arrival here; HLS by the playlist’s date, where this computer’s clock agrees with the server’s.';

const NOT_OFFERED = {
  flv: 'The server does not offer this stream over HTTP-FLV: that takes a location with “flv_live on”.',
  hls: 'No HLS yet. The first segment takes a few seconds; the application needs “hls on”, and a location its files.',
};
const NOT_GIVEN = { flv: 'No HTTP-FLV address was given.', hls: 'No HLS address was given.' };

declare global {
  interface Window {
    mediadPlayer: MediadPlayer;
  }
}

const panes = { flv: new Pane('flv'), hls: new Pane('hls') };
const clock = new ServerClock();
const edge = new LiveEdge();
const picker = find('#streams', HTMLSelectElement);
let chosen = panes.flv;
/** `APP/NAME` of what is played. */
let playing = '';
/** What the two sides were told to play; nothing at first. */
let addresses: { readonly flv?: string | null; readonly hls?: string | null } = {};

window.mediadPlayer = {
  get stream() {
    return playing;
  },
  get flv() {
    return panes.flv.measure();
  },
  get hls() {
    return panes.hls.measure();
  },
};

wireCopyButtons();
wireSound();
picker.addEventListener('change', () => {
  location.hash = `#${picker.value}`;
});
window.addEventListener('hashchange', () => void ask());
document.addEventListener('keydown', keyPressed);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void ask();
});
window.setInterval(() => {
  const now = performance.now();
  panes.flv.tick(now);
  panes.hls.tick(now);
}, TICK_MS);
requestAnimationFrame(showClock);
void begin();

async function begin(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const flv = query.get('flv');
  const hls = query.get('hls');
  if (flv !== null || hls !== null) {
    show('panes');
    playBoth(flv || null, hls || null, NOT_GIVEN);
    const state = await askServer(clock);
    find('#method', HTMLElement).textContent = typeof state === 'string' ? BY_ARRIVAL : BY_SERVER;
    return;
  }
  if ((await ask()) !== 'absent') window.setInterval(() => void ask(), ASK_EVERY_MS);
}

/** Asks the server what is live, and follows. */
async function ask(): Promise<ServerState | 'absent' | 'down'> {
  const state = await askServer(clock);
  const notice = find('#notice', HTMLElement);
  notice.textContent = state === 'down' ? 'The server does not answer, trying again …' : '';
  if (state === 'absent') {
    show('addresses');
    find('#method', HTMLElement).textContent = BY_ARRIVAL;
  } else if (state !== 'down') follow(state);
  return state;
}

function follow(state: ServerState): void {
  find('#method', HTMLElement).textContent = BY_SERVER;
  if (state.streams.length === 0 && state.publish?.length === 0) {
    // It keeps to itself what there is.
    show('addresses');
    return;
  }
  const wanted = wantedStream();
  const names = state.streams.map(nameOf);
  const target = wanted !== '' ? wanted : playing !== '' ? playing : (names[0] ?? '');
  const stream = state.streams.find((live) => nameOf(live) === target);
  listStreams(names, target);
  if (target === '') {
    fillGettingStarted(state);
    show('start');
    return;
  }
  if (stream === undefined) {
    if (playing !== target) playNothingYet(target);
    return;
  }
  show('panes');
  if (playing !== target) {
    playing = target;
    addresses = {};
    document.title = `${target} · mediad player`;
    edge.forget();
  }
  edge.found(stream.mediaTime, state.now);
  panes.flv.nudge();
  panes.hls.nudge();
  // What was offered once may only be away for a moment; its player waits by itself.
  const { search } = location;
  const flv = withArguments(stream.flv, search) ?? addresses.flv ?? null;
  playBoth(flv, withArguments(stream.hls, search) ?? addresses.hls ?? null, NOT_OFFERED);
}

/** Plays what is not yet being played: an address may come later, as that of a playlist without segments does. */
function playBoth(flv: string | null, hls: string | null, words: typeof NOT_OFFERED): void {
  if (addresses.flv !== flv) {
    if (flv === null) panes.flv.none(words.flv);
    else panes.flv.play(flv, (video, url, events) => playFlv(video, url, clock, edge, events));
  }
  if (addresses.hls !== hls) {
    if (hls === null) panes.hls.none(words.hls);
    else panes.hls.play(hls, (video, url, events) => playHls(video, url, clock, events));
  }
  addresses = { flv, hls };
}

function playNothingYet(target: string): void {
  show('panes');
  playing = '';
  addresses = {};
  for (const pane of [panes.flv, panes.hls]) pane.none(`Waiting for somebody to publish ${target} …`);
}

function listStreams(names: readonly string[], target: string): void {
  const shown = target === '' || names.includes(target) ? names : [target, ...names];
  if (shown.join('\n') !== [...picker.options].map((option) => option.value).join('\n')) {
    picker.replaceChildren(...shown.map((name) => new Option(name, name)));
  }
  picker.value = target;
  const label = find('#picker', HTMLElement);
  label.hidden = shown.length === 0;
  label.classList.toggle('off', !names.includes(target));
}

function show(section: 'panes' | 'start' | 'addresses'): void {
  for (const name of ['panes', 'start', 'addresses']) {
    find(`#${name}`, HTMLElement).hidden = name !== section;
  }
}

function wireSound(): void {
  for (const pane of [panes.flv, panes.hls]) {
    pane.onChosen = () => {
      chosen = pane;
    };
    pane.onSound = () => {
      chosen = pane;
      toggleSound();
    };
  }
}

/** Sound comes from one side at a time: two delays would make an echo. */
function toggleSound(): void {
  const unmute = chosen.muted;
  for (const pane of [panes.flv, panes.hls]) pane.mute(!(unmute && pane === chosen));
}

function keyPressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
  if (event.key === '1') chosen = panes.flv;
  else if (event.key === '2') chosen = panes.hls;
  else if (event.key === 'm') toggleSound();
  else if (event.key === 'f') chosen.toggleFullScreen();
}

function showClock(): void {
  const date = new Date(clock.now());
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  const text = `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  find('#clock', HTMLElement).textContent = text;
  requestAnimationFrame(showClock);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** `APP/NAME` from the page's address; empty where it names none. */
function wantedStream(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function nameOf({ app, name }: LiveStream): string {
  return `${app}/${name}`;
}
