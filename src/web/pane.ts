import { copies, find } from './elements.ts';
import { Graph } from './graph.ts';
import type { Measurement } from './measurement.ts';
import type { Playback, PlaybackEvents, Status } from './playback.ts';

/** How much of a new delay goes into the one that is shown: enough to follow, little enough to be read. */
const SMOOTHING = 0.25;
const GRAPH_EVERY_MS = 500;

/** One side of the page: a video, how it is doing, and its address. */
export class Pane {
  readonly #root: HTMLElement;
  readonly #video: HTMLVideoElement;
  readonly #graph: Graph;
  readonly #facts = new Map<string, HTMLElement>();
  #playback: Playback | undefined;
  #status: Status | undefined;
  #address = '';
  #shown: number | null = null;
  #drawnAt = 0;
  #stalls = 0;

  constructor(id: string) {
    this.#root = find(`#${id}`, HTMLElement);
    this.#video = find('video', HTMLVideoElement, this.#root);
    this.#graph = new Graph(find('[data-part=graph]', SVGSVGElement, this.#root));
    copies(this.#button('copy'), () => this.#address);
    this.#button('full').addEventListener('click', () => this.toggleFullScreen());
    this.#root.addEventListener('pointerdown', () => this.onChosen());
    this.#button('sound').addEventListener('click', () => this.onSound());
    this.#part('curtain').addEventListener('click', () => void this.#video.play().catch(() => undefined));
    this.#video.addEventListener('waiting', () => {
      if (this.#status?.state === 'playing') this.#stalls += 1;
    });
    for (const name of ['Picture', 'Frames', 'Dropped', 'Buffer']) this.#addFact(name);
  }

  /** Set by the page: the user asks for sound on or off here, or turns to this side. */
  onSound: () => void = () => undefined;
  onChosen: () => void = () => undefined;

  get muted(): boolean {
    return this.#video.muted;
  }

  /** Plays an address; `start` makes the player of its kind. */
  play(
    address: string,
    start: (video: HTMLVideoElement, address: string, events: PlaybackEvents) => Playback,
  ): void {
    this.#stop();
    this.#address = new URL(address, location.href).href;
    this.#part('url').textContent = this.#address;
    this.#stalls = 0;
    this.#playback = start(this.#video, address, { status: (status) => this.#show(status) });
  }

  /** There is nothing to play here, for the reason given. */
  none(words: string): void {
    this.#stop();
    this.#address = '';
    this.#part('url').textContent = '–';
    this.#show({ state: 'unsupported', words });
  }

  nudge(): void {
    this.#playback?.nudge();
  }

  mute(muted: boolean): void {
    this.#video.muted = muted;
    const button = this.#button('sound');
    button.textContent = muted ? 'Unmute' : 'Mute';
    button.setAttribute('aria-pressed', String(!muted));
    if (!muted) void this.#video.play().catch(() => undefined);
  }

  toggleFullScreen(): void {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else void find('.screen', HTMLElement, this.#root).requestFullscreen?.();
  }

  /** Called a few times a second. */
  tick(now: number): void {
    this.#playback?.tick();
    const measured = this.measure();
    const playing = measured.state === 'playing' && measured.delayMs !== null;
    if (!playing) this.#shown = null;
    else if (this.#shown === null) this.#shown = measured.delayMs;
    else this.#shown += (measured.delayMs! - this.#shown) * SMOOTHING;
    this.#part('delay').textContent = this.#shown === null ? '–' : (this.#shown / 1000).toFixed(2);
    if (playing && now - this.#drawnAt >= GRAPH_EVERY_MS) {
      this.#drawnAt = now;
      this.#graph.add(now, measured.delayMs!);
    }
    this.#fact(
      'Picture',
      playing && measured.width === 0
        ? 'sound only'
        : measured.width === 0
          ? '–'
          : `${measured.width} × ${measured.height}`,
    );
    this.#fact('Frames', measured.decodedFrames.toLocaleString());
    this.#fact('Dropped', measured.droppedFrames.toLocaleString());
    this.#fact('Buffer', `${(measured.bufferedMs / 1000).toFixed(1)} s`);
  }

  measure(): Measurement {
    const quality = this.#video.getVideoPlaybackQuality?.();
    return {
      state: this.#status?.state ?? 'off',
      delayMs: this.#playback?.delay() ?? null,
      bufferedMs: this.#playback?.buffered() ?? 0,
      decodedFrames: quality?.totalVideoFrames ?? 0,
      droppedFrames: quality?.droppedVideoFrames ?? 0,
      stalls: this.#stalls,
      width: this.#video.videoWidth,
      height: this.#video.videoHeight,
    };
  }

  #stop(): void {
    this.#playback?.stop();
    this.#playback = undefined;
    this.#status = undefined;
    this.#shown = null;
  }

  #show(status: Status): void {
    if (this.#status?.state === status.state) return;
    this.#status = status;
    this.#root.dataset['state'] = status.state;
    const curtain = this.#part('curtain');
    curtain.classList.toggle('open', status.state === 'playing');
    curtain.classList.toggle('still', status.state === 'unsupported' || status.state === 'blocked');
    this.#part('words').textContent =
      'words' in status ? status.words : status.state === 'playing' ? '' : 'Connecting …';
  }

  #part(name: string): HTMLElement {
    return find(`[data-part=${name}]`, HTMLElement, this.#root);
  }

  #button(name: string): HTMLButtonElement {
    return find(`[data-part=${name}]`, HTMLButtonElement, this.#root);
  }

  #addFact(name: string): void {
    const group = document.createElement('div');
    const term = document.createElement('dt');
    const value = document.createElement('dd');
    term.textContent = name;
    group.append(term, value);
    this.#part('facts').append(group);
    this.#facts.set(name, value);
  }

  #fact(name: string, text: string): void {
    this.#facts.get(name)!.textContent = text;
  }
}
