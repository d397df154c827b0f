import { httpInert } from './inert-http.ts';
import { httpModulesInert } from './inert-http-modules.ts';
import { mainInert } from './inert-main.ts';
import { proxyInert } from './inert-proxy.ts';
import { rtmpInert } from './inert-rtmp.ts';
import { tlsInert } from './inert-tls.ts';
import type { Inert } from './table.ts';

/** Names of nginx and its media modules that no table of ours acts on. A row of the same name and context wins. */
export const inertNames: readonly Inert[] = [
  ...mainInert,
  ...rtmpInert,
  ...httpInert,
  ...httpModulesInert,
  ...proxyInert,
  ...tlsInert,
];
