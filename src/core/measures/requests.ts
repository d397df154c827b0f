/** Connections and requests of the whole HTTP server, as `stub_status` shows them. */
export interface RequestCounters {
  accepted: number;
  handled: number;
  requests: number;
  active: number;
  /** Requests that are being answered. */
  writing: number;
}

/** All counters at zero. */
export function noRequests(): RequestCounters {
  return { accepted: 0, handled: 0, requests: 0, active: 0, writing: 0 };
}
