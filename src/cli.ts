import { complain, endWithReader, print } from './cli/output.ts';
import { HELP, type Invocation, readCommandLine, UsageError } from './cli/usage.ts';

/** The program, with node's `process.argv`; sets the exit code. Each task loads what it needs, so that most are quick. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader();
  try {
    process.exitCode = await run(readCommandLine(argv.slice(2)));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`mediad: ${error.message}\n`);
    process.exitCode = 2;
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { task } = invocation;
  switch (task.name) {
    case 'help':
      print(`${(await import('./cli/version.ts')).versionLine()}\n${HELP}`);
      return 0;
    case 'version':
      print(`${(await import('./cli/version.ts')).versionLine()}\n`);
      return 0;
    case 'build':
      print((await import('./cli/version.ts')).buildLines((await import('./modules/index.ts')).modules));
      return 0;
    case 'test': {
      const code = (await import('./cli/check.ts')).check(invocation);
      if (!task.diff || code !== 0) return code;
      return (await import('./cli/signal.ts')).difference(invocation);
    }
    case 'dump':
    case 'check':
      return (await import('./cli/check.ts')).check(invocation);
    case 'directives':
      return (await import('./cli/directives.ts')).directives(task.directive, invocation.format === 'json');
    case 'sign':
      return (await import('./cli/sign.ts')).sign(task, invocation);
    case 'signal':
      return (await import('./cli/signal.ts')).signal(task, invocation);
    case 'healthcheck':
      return (await import('./cli/signal.ts')).healthcheck(invocation);
    case 'start':
      return (await import('./cli/start.ts')).start(invocation);
  }
}
