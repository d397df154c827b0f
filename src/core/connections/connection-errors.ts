import type { Measures } from '../measures/measures.ts';

/**
 * Why a connection ended that did not end as it should. `protocol`: what came makes no sense. `timeout`: nothing came in
 * time. `slow`: what was sent was not read. `reset`: the other side dropped it. `crowded`: too many others were in their
 * handshake. `fault`: an error of this program.
 */
export type ConnectionError = 'protocol' | 'timeout' | 'slow' | 'reset' | 'crowded' | 'fault';

/** Counts one, for statistics. */
export function countConnectionError(
  measures: Measures,
  protocol: 'rtmp' | 'http' | 'http-flv',
  reason: ConnectionError,
): void {
  const help = 'Connections that ended otherwise than they should, by why.';
  measures.total('connection_errors_total', help, { protocol, reason }).add();
}
