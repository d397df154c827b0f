import { readdirSync, readFileSync } from 'node:fs';

/** A server that is attacked. */
export interface Prey {
  readonly name: string;
  readonly pid: number;
  /** Ports of 127.0.0.1; http is null where it plays nothing over HTTP. Streams go to the application `live`. */
  readonly rtmp: number;
  readonly http: number | null;
  /** Whether there are other applications than `live`: some servers have every one that is asked for. */
  readonly anyApplication?: boolean;
  /** Changes what chance decides. */
  readonly seed?: number;
  /** It has the applications and locations of MODULES. */
  readonly modules?: boolean;
  /** The path of a stream over HTTP-FLV. */
  readonly flv: ((stream: string) => string) | null;
}

/** What `modules` stands for, in applications and locations; recordings go to the folder `rec`. */
export const MODULES = {
  rtmp: `
    application rec { live on; record all; record_path rec; record_unique on; }
    application signed { live on; sign publish play; sign_key 0123456789abcdef0123456789abcdef; }`,
  http: `
    location /api { api on; }
    location /control { rtmp_control all; allow 127.0.0.1; deny all; }
    location /stat { rtmp_stat all; }
    location /metrics { metrics on; }
    location /page { player on; }
    location /signed-files { alias rec; sign_files signed; }`,
} as const;

/** A process and all below it. */
function family(pid: number): number[] {
  const found = [pid];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ');
      for (const child of children) if (child !== '') found.push(...family(Number(child)));
    }
  } catch {
    // It has ended meanwhile.
  }
  return found;
}

/** Open descriptors of a server; 0 where it is gone. */
export function descriptorsOf({ pid }: Prey): number {
  return family(pid).reduce((sum, one) => {
    try {
      return sum + readdirSync(`/proc/${one}/fd`).length;
    } catch {
      return sum;
    }
  }, 0);
}

/** Resident memory of a server, bytes. */
export function residentOf({ pid }: Prey): number {
  return family(pid).reduce((sum, one) => {
    try {
      return (
        sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0) * 1024
      );
    } catch {
      return sum;
    }
  }, 0);
}

/** The processes of a server, to tell one that has been started anew by its master. */
export function processesOf({ pid }: Prey): string {
  return family(pid)
    .filter((one) => isAlive(one))
    .join(' ');
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** CPU time a server has used, seconds. */
export function cpuOf({ pid }: Prey): number {
  return family(pid).reduce((sum, one) => {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      return sum;
    }
  }, 0);
}

/** The seed of one attack. */
export function seedOf({ seed = 1 }: Prey, attack: number): number {
  return seed * 1000 + attack * 16;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something holds; false where it does not within `ms`. */
export async function holds(what: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) return false;
    await pause(20);
  }
  return true;
}
