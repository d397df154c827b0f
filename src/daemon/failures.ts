import type { Diagnostic } from '../config/errors.ts';
import { ConfigError } from '../config/errors.ts';
import { BindError, errorText } from '../core/connections/bind.ts';
import { type Owner, ownerOfPort } from './port-owner.ts';

/**
 * What an admin can do about a failure of starting or reloading; null where it is none of theirs but a fault of the
 * program.
 */
export function diagnose(
  error: unknown,
  ownerOf: (port: number) => Owner | undefined = ownerOfPort,
): readonly Diagnostic[] | null {
  if (error instanceof ConfigError) return error.diagnostics;
  if (error instanceof BindError) return [bindFailure(error, ownerOf)];
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return null;
  const what = path === undefined ? syscall : `${syscall}() "${path}"`;
  return [
    {
      severity: 'error',
      code: 'system',
      message: `${what} failed (${errorText(error as NodeJS.ErrnoException)})`,
    },
  ];
}

function bindFailure(error: BindError, ownerOf: (port: number) => Owner | undefined): Diagnostic {
  const finding = { severity: 'error', code: 'bind-failed', message: error.message, at: error.at } as const;
  const port = Number(/:([0-9]+)$/.exec(error.address)?.[1] ?? 0);
  if (error.code === 'EADDRINUSE' && port > 0) {
    const owner = ownerOf(port);
    const choose = `choose another port: listen ${port + 1};`;
    if (owner === undefined) return { ...finding, help: `another process has it: stop that, or ${choose}` };
    return {
      ...finding,
      message: `listen ${error.address} is used by pid ${owner.pid} (${owner.name})`,
      help: `bind() failed (98: Address already in use); stop it, or ${choose}`,
    };
  }
  if (error.code === 'EACCES' && port > 0 && port < 1024) {
    return {
      ...finding,
      help: 'ports below 1024 need CAP_NET_BIND_SERVICE: setcap, systemd AmbientCapabilities=, or a port above 1024',
    };
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return { ...finding, help: 'no interface of this machine has that address' };
  }
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return { ...finding, help: 'the host name has no address; write the address itself' };
  }
  return finding;
}
