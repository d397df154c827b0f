import { describe, expect, test } from 'vitest';
import { EcmaArray, readAmf0Values, writeAmf0 } from '../../src/wire/amf0.ts';
import { isMetadata, metadataFor, readMetadata } from '../../src/wire/metadata.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { hex, mutate, seeded } from './splits.ts';

const FIELDS = { width: 1280, height: 720, framerate: 25, videocodecid: 7, audiocodecid: 10, encoder: 'x' };
const BARE = writeAmf0('onMetaData', FIELDS);

describe.each([
  ['onMetaData', BARE],
  ['an ECMA array', writeAmf0('onMetaData', new EcmaArray(FIELDS))],
  ['@setDataFrame', writeAmf0('@setDataFrame', 'onMetaData', FIELDS)],
  ['setDataFrame', writeAmf0('setDataFrame', 'onMetaData', new EcmaArray(FIELDS))],
  ['a wrapper alone', writeAmf0('@setDataFrame', FIELDS)],
  ['null before the object', writeAmf0('@setDataFrame', 'onMetaData', null, FIELDS)],
])('metadata as %s', (_, body) => {
  test('is read', () => {
    expect(isMetadata(body)).toBe(true);
    expect(readMetadata(body)).toEqual(FIELDS);
  });

  test('is copied without the wrapper', () => {
    const copy = metadataFor('copy', body)!;
    expect(readAmf0Values(copy).filter((value) => value !== null)).toEqual(['onMetaData', FIELDS]);
    expect(isMetadata(copy)).toBe(true);
  });

  test('is not passed on with off', () => {
    expect(metadataFor('off', body)).toBeNull();
  });

  test('is made anew with on', () => {
    const [name, object] = readAmf0Values(metadataFor('on', body)!);
    expect(name).toBe('onMetaData');
    expect(Object.entries(object as object)).toEqual([
      ['Server', 'mediad'],
      ['width', 1280],
      ['height', 720],
      ['displayWidth', 1280],
      ['displayHeight', 720],
      ['duration', 0],
      ['framerate', 25],
      ['fps', 25],
      ['videodatarate', 0],
      ['videocodecid', 7],
      ['audiodatarate', 0],
      ['audiocodecid', 10],
      ['profile', ''],
      ['level', ''],
    ]);
  });
});

describe('metadata', () => {
  test('is copied byte for byte', () => {
    expect(metadataFor('copy', Buffer.concat([writeAmf0('@setDataFrame'), BARE]))).toEqual(BARE);
    expect(metadataFor('copy', BARE)).toEqual(BARE);
  });

  test('is told from other data', () => {
    for (const body of [
      writeAmf0('onTextData', FIELDS),
      writeAmf0('@setDataFrame', 'onCuePoint', FIELDS),
      writeAmf0(FIELDS),
      Buffer.alloc(0),
    ]) {
      expect(isMetadata(body)).toBe(false);
      expect(readMetadata(body)).toBeNull();
      expect(metadataFor('copy', body)).toBeNull();
      expect(metadataFor('on', body)).toBeNull();
    }
  });

  test('without an object is none', () => {
    expect(readMetadata(writeAmf0('onMetaData', null, [1]))).toBeNull();
    expect(metadataFor('on', writeAmf0('onMetaData'))).toBeNull();
    expect(metadataFor('on', null)).toBeNull();
    expect(metadataFor('copy', null)).toBeNull();
  });

  test('is made from what is known, which wins over what was sent', () => {
    const known = { width: 1920, height: 1080, videocodecid: 7, profile: 'High', level: '4.1' };
    const fields = (body: Buffer | null): unknown => readAmf0Values(metadataFor('on', body, known)!)[1];
    expect(fields(null)).toMatchObject({ ...known, displayWidth: 1920, audiocodecid: 0 });
    expect(fields(BARE)).toMatchObject({ ...known, framerate: 25, audiocodecid: 10 });
  });

  test('keeps codec ids that are a FourCC, as number or text', () => {
    const body = writeAmf0('onMetaData', { videocodecid: 1_635_135_537, audiocodecid: 'Opus' });
    expect(readAmf0Values(metadataFor('on', body)!)[1]).toMatchObject({
      videocodecid: 1_635_135_537,
      audiocodecid: 'Opus',
    });
  });

  test('takes numbers written as text, and nothing that is no number', () => {
    const body = writeAmf0('onMetaData', {
      width: '640',
      height: 'tall',
      framerate: Number.NaN,
      fps: 30,
      level: 31,
    });
    expect(readAmf0Values(metadataFor('on', body)!)[1]).toMatchObject({
      width: 640,
      height: 0,
      framerate: 30,
      fps: 30,
      level: 31,
    });
  });

  test('cannot set what every object has', () => {
    const body = Buffer.concat([
      writeAmf0('onMetaData'),
      hex('03 0009', Buffer.from('__proto__').toString('hex')),
      writeAmf0({ width: 5 }),
      hex('000009'),
    ]);
    expect(readAmf0Values(metadataFor('on', body)!)[1]).toMatchObject({ width: 0 });
  });

  test('damaged gives nothing but ProtocolError', () => {
    const random = seeded(0x3e7a);
    const seed = writeAmf0('@setDataFrame', 'onMetaData', FIELDS);
    for (let round = 0; round < 5000; round++) {
      const body = mutate(seed, random);
      try {
        metadataFor('copy', body);
        metadataFor('on', body);
      } catch (error) {
        expect(error, body.toString('hex')).toBeInstanceOf(ProtocolError);
      }
    }
  });
});
