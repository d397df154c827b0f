/** The peer broke its protocol, or went over a limit: closes that one session, and nothing else. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}
