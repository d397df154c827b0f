import { describe, expect, test } from 'vitest';
import { formOf, jsonOf, withQuery } from '../../../src/modules/notify/encoding.ts';
import type { Field } from '../../../src/modules/notify/fields.ts';

const FIELDS: readonly Field[] = [
  ['app', 'live'],
  ['call', 'publish'],
  ['name', 'cam'],
  ['type', 'live'],
];
const OWN = 'app=live&call=publish&name=cam&type=live';

/** What comes behind our own fields. */
function more(args: string): string {
  const form = formOf({ fields: FIELDS, args });
  expect(form.startsWith(OWN)).toBe(true);
  return form.slice(OWN.length);
}

describe('a form', () => {
  test.each([
    ['a b', 'a%20b'],
    ['a&b=c', 'a%26b=c'],
    ['a+b%', 'a%2Bb%25'],
    ['rtmp://h:1/a?b', 'rtmp://h:1/a%3Fb'],
    ['é\r\n\0', '%C3%A9%0D%0A%00'],
    ['\ud800x', '%EF%BF%BDx'],
  ])('escapes %j', (value, written) => {
    expect(formOf({ fields: [['flashver', value]], args: '' })).toBe(`flashver=${written}`);
  });

  test.each([
    ['', ''],
    ['key=a%20b', '&key=a%20b'],
    ['a=1&b=2&&c', '&a=1&b=2&c'],
    ['a=b=c', '&a=b=c'],
    ['k=ü x', '&k=%C3%BC%20x'],
    ['k=1;name=evil', '&k=1%3Bname=evil'],
    ['k=1\r\nX-Evil: 1', '&k=1%0D%0AX-Evil:%201'],
    ['k=1#name=x', '&k=1%23name=x'],
    ['username=x&call2=y&xname=z', '&username=x&call2=y&xname=z'],
    ['recorder=x&path=/etc', '&recorder=x&path=/etc'],
  ])('has the client’s arguments last: %j', (args, expected) => {
    expect(more(args)).toBe(expected);
  });

  test.each([
    'call=play',
    'name=evil',
    'type=x',
    'addr=127.0.0.1',
    'clientid=1',
    'NAME=evil',
    'name',
    'name%3Dx=evil',
    'n%61me=evil',
    '%6eame=evil',
    '+name=evil',
    '%20name%20=evil',
    'name[]=evil',
    'name[0]=evil',
    '[name]=evil',
    'name%5B%5D=evil',
    '%5Bname%5D=evil',
    'name%00x=evil',
    'name%26x=evil',
    'na\0=1&name =evil',
  ])('has no argument of a client that could pass for a field: %j', (args) => {
    const fields = [...new URLSearchParams(formOf({ fields: FIELDS, args }))];
    expect(fields.slice(0, 4)).toEqual(FIELDS);
    expect(fields.slice(4).filter(([, value]) => value !== '1')).toEqual([]);
  });
});

describe('JSON', () => {
  test('keeps numbers and has the arguments as one text', () => {
    const fields: readonly Field[] = [...FIELDS, ['clientid', 7], ['app', 'live']];
    expect(JSON.parse(jsonOf({ fields, args: 'call=evil&__proto__=1' }))).toEqual({
      app: 'live',
      call: 'publish',
      name: 'cam',
      type: 'live',
      clientid: 7,
      args: 'call=evil&__proto__=1',
    });
  });
});

test.each([
  ['http://h/', 'http://h/?a=1'],
  ['http://h/x?y=2', 'http://h/x?y=2&a=1'],
  ['http://h/x?', 'http://h/x?a=1'],
  ['http://h/x?y&', 'http://h/x?y&a=1'],
])('%s with a query', (url, expected) => {
  expect(withQuery(url, 'a=1')).toBe(expected);
});
