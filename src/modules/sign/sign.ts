import { type Block, childrenOf, settingsOf } from '../../config/block.ts';
import type { Diagnostic } from '../../config/errors.ts';
import type { Request } from '../../core/applications/request.ts';
import { type ApplicationContext, applicationService, type Service } from '../../core/module.ts';
import { contentHandler, type HttpModule } from '../../http/handler.ts';
import { checkShown, shownIn } from './check.ts';
import { type SignSettings, signFilesTable, signTable } from './directives.ts';
import { serveSigned } from './files.ts';

/** How often sessions are looked through for those whose URL has expired, ms. */
const SWEEP_MS = 1000;

function startSign(conf: SignSettings, context: ApplicationContext): Service<SignSettings> {
  let current = conf;
  /** The second that the URL of a request expires in. */
  const expiries = new WeakMap<Request, number>();
  const sessions = new Set<Request>();
  context.gate((request) => {
    const { action, application, client, name, args } = request;
    if (client.origin !== 'client' || !current.sign.includes(action)) return;
    // Some encoders only take a query behind the application's name.
    const shown = shownIn(args, current.sign_args) ?? shownIn(client.connectArgs, current.sign_args);
    const wanted = { action, application: application.name, names: [name] };
    expiries.set(request, checkShown(shown, wanted, client, current));
  });
  context.observe({
    published: ({ request }) => void sessions.add(request),
    unpublished: ({ request }) => void sessions.delete(request),
    played: ({ request }) => void sessions.add(request),
    unplayed: ({ request }) => void sessions.delete(request),
  });
  const timer = setInterval(() => {
    if (!current.sign_enforce_expiry) return;
    const now = Date.now();
    for (const request of [...sessions]) {
      const expires = expiries.get(request);
      if (expires !== undefined && now > expires * 1000) request.dismiss('the URL has expired');
    }
  }, SWEEP_MS);
  timer.unref();
  context.own(() => clearInterval(timer));
  return {
    update(next) {
      current = next;
      return true;
    },
  };
}

function applicationsOf(tree: Block): readonly Block[] {
  return childrenOf(tree, 'rtmp')
    .flatMap((rtmp) => childrenOf(rtmp, 'server'))
    .flatMap((server) => childrenOf(server, 'application'));
}

/** Applications that want signatures nobody can make, and files of applications that are not there. */
function check(tree: Block): readonly Diagnostic[] {
  const applications = applicationsOf(tree);
  const keyless = applications
    .filter((application) => {
      const { sign, sign_key } = settingsOf(application, signTable);
      return sign.length > 0 && sign_key.length === 0;
    })
    .map((application) => ({
      severity: 'error' as const,
      code: 'sign-key',
      message: `application "${application.key}" wants signed URLs and has no sign_key`,
      at: application.origins['sign'] ?? application.at,
      help: 'add one: sign_key file:conf/sign.key;',
    }));
  const names = new Set(applications.map(({ key }) => key));
  return [...keyless, ...childrenOf(tree, 'http').flatMap((http) => strayFiles(http, names))];
}

function strayFiles(block: Block, names: ReadonlySet<string>): readonly Diagnostic[] {
  const { sign_files: files } = settingsOf(block, signFilesTable);
  const at = block.origins['sign_files'];
  if (files === undefined || files === null || at === undefined || names.has(files.name)) {
    return block.children.flatMap((inner) => strayFiles(inner, names));
  }
  return [
    {
      severity: 'warning',
      code: 'sign-files',
      message: `there is no application "${files.name}", so every request here is refused`,
      at,
    },
  ];
}

/** URLs that are signed and expire, for publishing and playing over every protocol. */
export const signModule: HttpModule = {
  name: 'sign',
  tables: { application: signTable, location: signFilesTable },
  check,
  application: applicationService(signTable, { enabled: (conf) => conf.sign.length > 0, start: startSign }),
  content: contentHandler(signFilesTable, {
    enabled: (conf) => conf.sign_files !== null,
    handle: serveSigned,
  }),
};
