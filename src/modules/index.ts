import { httpModule } from '../http/directives.ts';
import type { HttpModule } from '../http/handler.ts';
import { rtmpModule } from '../rtmp/directives.ts';
import { accessModule } from './access/access.ts';
import { apiModule } from './api/api.ts';
import { controlModule } from './control/control.ts';
import { execModule } from './exec/exec.ts';
import { flvModule } from './flv/flv.ts';
import { hlsModule } from './hls/hls.ts';
import { limitModule } from './limit/limit.ts';
import { logModule } from './log/log.ts';
import { mainModule } from './main/main.ts';
import { metricsModule } from './metrics/metrics.ts';
import { notifyModule } from './notify/notify.ts';
import { overloadModule } from './overload/overload.ts';
import { playerModule } from './player/player.ts';
import { recordModule } from './record/record.ts';
import { relayModule } from './relay/relay.ts';
import { signModule } from './sign/sign.ts';
import { statModule } from './stat/stat.ts';

/**
 * Every module, in the order that counts: gates are asked, services started and content handlers tried in it. Files
 * come last among content handlers by themselves.
 */
export const modules: readonly HttpModule[] = [
  mainModule,
  rtmpModule,
  httpModule,
  accessModule,
  overloadModule,
  limitModule,
  signModule,
  notifyModule,
  execModule,
  relayModule,
  recordModule,
  hlsModule,
  flvModule,
  logModule,
  playerModule,
  statModule,
  controlModule,
  metricsModule,
  apiModule,
];
