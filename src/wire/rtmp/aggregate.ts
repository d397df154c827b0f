import { ProtocolError } from '../protocol-error.ts';
import { AGGREGATE, type RtmpMessage } from './messages.ts';

/** Type, body length, timestamp and stream id of an FLV tag; its length again follows the body. */
const HEADER_BYTES = 11;
const TRAILER_BYTES = 4;

/**
 * Gives the messages inside an aggregate message (type 22; RTMP 1.0, 7.1.6), which are FLV tags. Their timestamps are
 * moved so that the first has that of the aggregate. Bodies are views of the aggregate's. Throws ProtocolError.
 */
export function unpackAggregate(aggregate: RtmpMessage, sink: (message: RtmpMessage) => void): void {
  const { body, streamId } = aggregate;
  let at = 0;
  let shift: number | undefined;
  while (at < body.length) {
    if (body.length - at < HEADER_BYTES) throw new ProtocolError('aggregate message ends early');
    const type = body[at]!;
    const length = body.readUIntBE(at + 1, 3);
    const time = body.readUIntBE(at + 4, 3) + body[at + 7]! * 0x1000000;
    const start = at + HEADER_BYTES;
    if (length > body.length - start) throw new ProtocolError('aggregate message ends early');
    if (type === AGGREGATE) throw new ProtocolError('aggregate message within another');
    shift ??= aggregate.timestamp - time;
    sink({
      type,
      streamId,
      timestamp: (time + shift) >>> 0,
      body: body.subarray(start, start + length),
    });
    // The last length may be missing.
    at = start + length + TRAILER_BYTES;
  }
}
