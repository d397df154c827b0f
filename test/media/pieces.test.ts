import { expect, test } from 'vitest';
import { givePiece, takePiece, trimPieces } from '../../src/media/pieces.ts';

test.each([1, 16_384, 16_385, 65_536, 131_073, 1_048_576])(
  'a piece of %i bytes or more is used again',
  (size) => {
    const piece = takePiece(size);
    expect(piece.length).toBeGreaterThanOrEqual(size);
    expect(piece.length).toBeLessThan(Math.max(2 * size, 16_385));
    expect(takePiece(size) === piece).toBe(false);
    givePiece(piece);
    expect(takePiece(size) === piece).toBe(true);
  },
);

test('what is larger is not kept', () => {
  const piece = takePiece(1_048_577);
  expect(piece.length).toBe(1_048_577);
  givePiece(piece);
  expect(takePiece(1_048_577) === piece).toBe(false);
});

test('a piece that nobody has asked for in a while is let go, one that is in use now and then is not', () => {
  const [idle, busy] = [takePiece(300_000), takePiece(600_000)];
  givePiece(idle);
  givePiece(busy);
  for (let look = 0; look < 60; look++) {
    trimPieces();
    expect(takePiece(600_000) === busy).toBe(true);
    givePiece(busy);
  }
  expect(takePiece(300_000) === idle).toBe(false);
});
