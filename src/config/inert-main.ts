import { inert } from './inert-group.ts';
import type { Inert } from './table.ts';

/** The main context and `events`. */
export const mainInert: readonly Inert[] = [
  ...inert('ignored', 'worker_processes alone decides which processes there are', {
    main: `
      master_process worker_cpu_affinity/1+ worker_priority lock_file timer_resolution thread_pool/2-3
    `,
  }),
  ...inert('ignored', 'limits of the process are set by what starts it: LimitNOFILE= or ulimit', {
    main: 'worker_rlimit_core',
  }),
  ...inert('ignored', 'it concerns the inside of nginx', {
    main: 'debug_points pcre_jit ssl_engine',
  }),
  ...inert('ignored', 'it is replaced by the files it names', {
    everywhere: 'include',
  }),
  ...inert('ignored', 'the runtime chooses how it waits for connections', {
    events: `
      worker_connections use multi_accept accept_mutex accept_mutex_delay debug_connection epoll_events
      worker_aio_requests
    `,
  }),
  ...inert('ignored', 'all lines go to the error_log of the main context', {
    'http server location stream stream_server mail mail_server': 'error_log/1+',
  }),
];
