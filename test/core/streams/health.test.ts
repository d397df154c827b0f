import { describe, expect, test } from 'vitest';
import { issuesOf } from '../../../src/core/streams/health.ts';
import { Lag } from '../../../src/core/streams/lag.ts';
import { aHeader, audio, inter, key, setUpStream, textFormat, vHeader } from '../fixtures.ts';

describe('the lag', () => {
  test('is nothing while media come as fast as the clock, whenever they began', () => {
    const lag = new Lag();
    expect(lag.behind(0)).toBe(0);
    for (let ms = 0; ms < 60_000; ms += 40) lag.came(5000 + ms, 777 + ms);
    expect(lag.behind(0)).toBe(0);
    expect(lag.behind(300)).toBe(300);
  });

  test('grows while less comes than time passes, and goes when it is made up for', () => {
    const lag = new Lag();
    for (let ms = 0; ms < 10_000; ms += 100) lag.came(ms * 0.8, ms);
    expect(lag.behind(0)).toBe(1980);
    lag.came(10_000, 10_000);
    expect(lag.behind(0)).toBe(0);
  });

  test('is measured against the last five minutes, so that clocks may run differently', () => {
    const lag = new Lag();
    const hours = 3 * 3_600_000;
    for (let ms = 0; ms < hours; ms += 1000) lag.came(ms * 0.9999, ms);
    expect(lag.behind(0)).toBeLessThan(50);
  });

  test('begins anew with another publisher', () => {
    const lag = new Lag();
    lag.came(0, 0);
    lag.came(0, 9000);
    expect(lag.behind(0)).toBe(9000);
    lag.restart();
    expect(lag.behind(0)).toBe(0);
    lag.came(100, 20_000);
    expect(lag.behind(0)).toBe(0);
  });
});

describe('what is wrong with a stream', () => {
  const begun = () => {
    const set = setUpStream();
    set.send(vHeader(), aHeader(), key(0), audio(20));
    return { ...set, issues: (now = set.stream.lastMediaAt) => issuesOf(set.stream, now) };
  };

  test('nothing, with a picture, a sound and key frames', () => {
    const { send, issues } = begun();
    send(inter(40), audio(60), key(2000), audio(2000));
    expect(issues()).toEqual([]);
  });

  test('nothing of one that is not live', () => {
    const { stream, issues } = begun();
    stream.end();
    expect(issues(1e6)).toEqual([]);
  });

  test('no sound', () => {
    const { send, stream } = setUpStream();
    send(vHeader(), key(0), inter(40));
    expect(issuesOf(stream, 40)).toEqual(['audio-missing']);
  });

  test('key frames far apart, also before the second one', () => {
    const { send, issues } = begun();
    send(inter(4900), audio(4900));
    expect(issues()).toEqual([]);
    send(inter(5100), audio(5100));
    expect(issues()).toEqual(['keyframe-interval-high']);
    send(key(6000), audio(6000));
    expect(issues()).toEqual(['keyframe-interval-high']);
    send(key(7000), audio(7000));
    expect(issues()).toEqual([]);
  });

  test('sound and picture apart, and a clock that does not keep up', () => {
    const { send, issues, stream } = begun();
    send(key(2000), audio(700));
    expect(issues()).toEqual(['av-desync']);
    send(audio(2000));
    expect(issues(stream.lastMediaAt + 1900)).toEqual([]);
    expect(issues(stream.lastMediaAt + 2100)).toEqual(['ingest-starved']);
  });

  test('what happened is shown for a minute', () => {
    const { send, issues, stream } = begun();
    const at = stream.lastMediaAt;
    send(vHeader('V2'), key(40), inter(3000), audio(3000), inter(2990));
    expect(stream.timeline.repairs).toBe(1);
    expect(issues(at)).toEqual(['codec-change', 'timestamps-backward']);
    expect(issues(at + 59_000)).toEqual(['codec-change', 'ingest-starved', 'timestamps-backward']);
    expect(issues(at + 61_000)).toEqual(['ingest-starved']);
  });

  test('a player that is too slow', () => {
    const { send, issues, join } = begun();
    const { sink } = join(textFormat(), { bytes: 10, stall: 1000 });
    sink.stuck = true;
    for (let time = 40; time < 2000; time += 40) send(inter(time), audio(time));
    expect(issues()).toEqual(['dropped-to-slow-viewers']);
  });

  test('what a reader of the stream finds, until another publisher comes', () => {
    const { send, issues, stream } = begun();
    stream.vitals.health.find('codec-not-for-hls');
    expect(issues()).toEqual(['codec-not-for-hls']);
    stream.begin();
    send(vHeader(), aHeader(), key(0), audio(0));
    expect(issues()).toEqual([]);
  });
});
