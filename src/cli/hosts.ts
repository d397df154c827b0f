import type { Runtime } from '../core/runtime.ts';
import type { Hosts } from '../daemon/serving.ts';
import { HttpHost } from '../http/host.ts';
import { modules } from '../modules/index.ts';
import { RtmpHost } from '../rtmp/host.ts';

/** The protocols of a server, with every module. */
export function makeHosts(runtime: Runtime): Hosts {
  return {
    rtmp: new RtmpHost(runtime, modules),
    http: new HttpHost(runtime, modules),
  };
}
