import { afterEach, describe, expect, test, vi } from 'vitest';
import { Application } from '../../../src/core/applications/application.ts';
import type { LiveSettings } from '../../../src/core/applications/live.ts';
import type { Publication } from '../../../src/core/applications/publication.ts';
import type { PlayRequest, PublishRequest, Request } from '../../../src/core/applications/request.ts';
import type { Subscription } from '../../../src/core/applications/subscription.ts';
import { Audience } from '../../../src/core/streams/flush.ts';
import { FakeSink, key, liveSettings, type Message, silent, textFormat, vHeader } from '../fixtures.ts';

const client = {
  id: 1,
  protocol: 'rtmp',
  origin: 'client',
  address: '127.0.0.1',
  flashver: '',
  tcurl: '',
  swfurl: '',
  pageurl: '',
  connectArgs: '',
  log: silent,
} as const;

function setUp(changes: Partial<LiveSettings> = {}) {
  const application = new Application(
    'server',
    'live',
    liveSettings({ out_merge: 0, ...changes }),
    new Audience(),
    silent,
  );
  const dismissed: string[] = [];
  const publishRequest = (name: string): PublishRequest => ({
    action: 'publish',
    client,
    application,
    name,
    args: '',
    type: 'live',
    dismiss: (reason) => void dismissed.push(`publisher of ${name}: ${reason}`),
  });
  const playRequest = (name: string): PlayRequest => ({
    action: 'play',
    client,
    application,
    name,
    args: '',
    start: -2000,
    duration: -1000,
    reset: true,
    listener: {},
    dismiss: (reason) => void dismissed.push(`player of ${name}: ${reason}`),
  });
  return {
    application,
    dismissed,
    publish: (name: string) => application.publish(publishRequest(name)),
    play: (name: string, mayWait = true) => application.play(playRequest(name), mayWait),
  };
}

function send(publication: Publication, ...messages: readonly Message[]): void {
  for (const [kind, raw, body] of messages) publication.push(kind, raw, body, Math.max(1, raw));
  publication.endOfRead(Math.max(1, ...messages.map(([, raw]) => raw)));
}

function sit(subscription: Subscription): FakeSink {
  const sink = new FakeSink();
  subscription.sit(textFormat(), sink, 'plain', { bytes: 1000, stall: 1000 });
  return sink;
}

afterEach(() => void vi.useRealTimers());

describe('publish', () => {
  test('of a name that is taken is refused as busy; the name is free as soon as the first has closed', async () => {
    const { publish } = setUp();
    const first = await publish('s');
    await expect(publish('s')).rejects.toMatchObject({ reason: 'busy', message: 'Already publishing' });
    first.close();
    first.close();
    await publish('s');
  });

  test('of one name by two while gates are asked is for the first only', async () => {
    const { application, publish } = setUp();
    application.gates.add(0, () => new Promise((resolve) => setTimeout(resolve, 10)));
    const both = await Promise.allSettled([publish('s'), publish('s')]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('of two names that gates turn into one is for the first only', async () => {
    const { application, publish } = setUp();
    application.gates.add(0, async (request) => {
      await Promise.resolve();
      request.name = 'same';
    });
    const both = await Promise.allSettled([publish('a'), publish('b')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect([...application.streams.keys()]).toEqual(['same']);
  });

  test('refused by a gate leaves no trace, and the name free', async () => {
    const { application, publish } = setUp();
    const undo = application.gates.add(0, () => {
      throw new Error('no');
    });
    await expect(publish('s')).rejects.toThrow('no');
    expect(application.streams.size).toBe(0);
    undo();
    await publish('s');
  });

  test('asks gates in the order of their modules, and the first refusal decides', async () => {
    const { application, publish } = setUp();
    const asked: number[] = [];
    application.gates.add(2, () => void asked.push(2));
    application.gates.add(1, () => {
      asked.push(1);
      throw new Error('no');
    });
    application.gates.add(0, () => void asked.push(0));
    await expect(publish('s')).rejects.toThrow();
    expect(asked).toEqual([0, 1]);
  });

  test('is refused where the application closes or stops being live while gates are asked', async () => {
    for (const end of [
      (application: Application) => application.close('removed'),
      (application: Application) => application.update(liveSettings({ live: false })),
    ]) {
      const { application, publish } = setUp();
      application.gates.add(0, () => Promise.resolve().then(() => end(application)));
      await expect(publish('s')).rejects.toMatchObject({ reason: 'not-found' });
      expect(application.streams.size).toBe(0);
    }
  });

  test('is told to observers, before and after', async () => {
    const { application, publish, play } = setUp();
    const told: string[] = [];
    const undo = application.observe({
      published: ({ stream }) => told.push(`published ${stream.name}`),
      unpublished: ({ stream }) => told.push(`unpublished ${stream.name}`),
      played: ({ stream }) => told.push(`played ${stream.name}`),
      unplayed: ({ stream }) => told.push(`unplayed ${stream.name}`),
    });
    const publication = await publish('s');
    const subscription = await play('s');
    publication.close();
    subscription.close();
    subscription.close();
    undo();
    (await publish('s')).close();
    expect(told).toEqual(['published s', 'played s', 'unpublished s', 'unplayed s']);
  });

  test('after close takes nothing more', async () => {
    const { publish } = setUp();
    const publication = await publish('s');
    publication.close();
    send(publication, vHeader(), key(0));
    expect(publication.stream.counters.bytesIn).toBe(0);
  });
});

describe('takeover', () => {
  test('sends the first publisher away; players and tasks stay, on one time line', async () => {
    const { application, publish, play, dismissed } = setUp({ publish_conflict: 'takeover' });
    const tasks: string[] = [];
    application.forEachStream((stream) => {
      tasks.push(`run ${stream.name}`);
      return () => void tasks.push(`undo ${stream.name}`);
    });
    const first = await publish('s');
    send(first, vHeader(), key(0));
    const sink = sit(await play('s'));
    sink.take();
    const second = await publish('s');
    expect(dismissed).toEqual(['publisher of s: another publisher has taken the name over']);
    first.close();
    send(first, key(40));
    send(second, vHeader(), key(5000));
    expect(sink.take()).toBe('K40');
    expect(tasks).toEqual(['run s']);
    expect(application.publicationOf(second.stream)).toBe(second);
  });
});

describe('publish_gap', () => {
  test('keeps the stream for a publisher that returns', async () => {
    vi.useFakeTimers();
    const { application, publish, play } = setUp({ publish_gap: 1000, idle_streams: false });
    const first = await publish('s');
    send(first, vHeader(), key(0));
    const subscription = await play('s', false);
    const stopped = vi.fn();
    first.stream.listen({ stopped });
    first.close();
    vi.advanceTimersByTime(999);
    const second = await publish('s');
    expect(second.stream).toBe(first.stream);
    vi.advanceTimersByTime(5000);
    expect(stopped).not.toHaveBeenCalled();
    expect(subscription.live).toBe(true);
    expect(application.streams.size).toBe(1);
  });

  test('ends the stream where nobody returns', async () => {
    vi.useFakeTimers();
    const { application, publish, play, dismissed } = setUp({ publish_gap: 1000, idle_streams: false });
    const first = await publish('s');
    send(first, vHeader(), key(0));
    await play('s', false);
    first.close();
    vi.advanceTimersByTime(1000);
    expect(dismissed).toEqual(['player of s: the stream has ended']);
    expect(application.streams.get('s')?.live).toBe(false);
  });

  test('is not waited for when the application goes', async () => {
    vi.useFakeTimers();
    const { application, publish } = setUp({ publish_gap: 1000 });
    const first = await publish('s');
    send(first, vHeader(), key(0));
    first.close();
    application.close('removed');
    expect(vi.getTimerCount()).toBe(0);
    expect(application.streams.size).toBe(0);
  });
});

describe('play', () => {
  test('of an absent stream waits or is refused, as asked', async () => {
    const { application, publish, play } = setUp();
    await expect(play('s', false)).rejects.toMatchObject({ reason: 'not-found' });
    expect(application.streams.size).toBe(0);
    const waiting = await play('s');
    const sink = sit(waiting);
    send(await publish('s'), vHeader(), key(0));
    expect(sink.take()).toBe('<hV1> K0');
  });

  test('of a name that is published but silent needs no permission to wait', async () => {
    const { publish, play } = setUp();
    await publish('s');
    await play('s', false);
  });

  test('of names that gates change is of the new name', async () => {
    const { application, publish, play } = setUp();
    application.gates.add(0, (request: Request) => {
      if (request.action === 'play') request.name = 'real';
    });
    await publish('real');
    expect((await play('alias', false)).stream.name).toBe('real');
    application.gates.add(1, (request) => {
      request.name = '../up';
    });
    await expect(play('alias')).rejects.toMatchObject({ reason: 'bad-name' });
  });

  test('with idle_streams off ends with the publisher, with it on it stays', async () => {
    for (const [idle_streams, expected] of [
      [false, ['player of s: the stream has ended']],
      [true, []],
    ] as const) {
      const { publish, play, dismissed } = setUp({ idle_streams });
      const publication = await publish('s');
      await play('s');
      publication.close();
      expect(dismissed).toEqual(expected);
    }
  });

  test('stands up and sits down again, and after close never', async () => {
    const { publish, play } = setUp();
    const publication = await publish('s');
    send(publication, vHeader(), key(0));
    const subscription = await play('s');
    const sink = sit(subscription);
    subscription.stand();
    send(publication, key(40));
    expect(sink.take()).toBe('<hV1> K0');
    expect(publication.stream.players).toBe(0);
    expect(sit(subscription).take()).toBe('<hV1> K40');
    subscription.close();
    sit(subscription);
    expect(publication.stream.players).toBe(0);
  });
});

test('streams that nobody holds are forgotten', async () => {
  const { application, publish, play } = setUp();
  const publication = await publish('s');
  const subscription = await play('s');
  publication.close();
  expect(application.streams.size).toBe(1);
  subscription.close();
  expect(application.streams.size).toBe(0);
  for (let i = 0; i < 100; i++) (await play(`name${i}`)).close();
  expect(application.streams.size).toBe(0);
});

test('tasks run for the streams that are live, and are undone at their end or their own', async () => {
  const { application, publish } = setUp();
  const told: string[] = [];
  const early = await publish('early');
  send(early, vHeader(), key(0));
  await publish('silent');
  const undo = application.forEachStream((stream) => {
    told.push(`+${stream.name}`);
    return () => void told.push(`-${stream.name}`);
  });
  const late = await publish('late');
  send(late, vHeader(), key(0));
  early.close();
  undo();
  late.close();
  expect(told).toEqual(['+early', '+late', '-early', '-late']);
});

test.each([-3_600_000, 3_600_000])(
  'a jump of the clock by %i ms neither saves nor ends a publisher that sends nothing',
  async (jump) => {
    vi.useFakeTimers();
    const { application, publish, dismissed } = setUp({ drop_idle_publisher: 1000 });
    await publish('idle');
    vi.setSystemTime(Date.now() + jump);
    application.sweep(performance.now());
    expect(dismissed).toEqual([]);
    vi.advanceTimersByTime(1500);
    application.sweep(performance.now());
    expect(dismissed).toHaveLength(1);
  },
);

test('publishers that send nothing are dismissed after drop_idle_publisher, as are those that stopped', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const start = performance.now();
  const { application, publish, dismissed } = setUp({ drop_idle_publisher: 1000 });
  await publish('never');
  const stopped = await publish('stopped');
  const busy = await publish('busy');
  stopped.push(...vHeader(), start + 500);
  busy.push(...vHeader(), start + 1900);
  application.sweep(start + 1400);
  expect(dismissed).toEqual(['publisher of never: the publisher sends nothing']);
  application.sweep(start + 2000);
  expect(dismissed.slice(1)).toContain('publisher of stopped: the publisher sends nothing');
  expect(dismissed.join()).not.toContain('busy');
});

test('a reload that turns live off sends everybody away', async () => {
  const { application, publish, play, dismissed } = setUp();
  send(await publish('s'), vHeader(), key(0));
  await play('s');
  await play('waiting');
  application.update(liveSettings({ live: false }));
  expect(dismissed.map((text) => text.split(':')[0])).toEqual([
    'publisher of s',
    'player of s',
    'player of waiting',
  ]);
  expect(application.streams.size).toBe(0);
  await expect(publish('s')).rejects.toMatchObject({ reason: 'not-found' });
});
