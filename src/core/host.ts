import type { Socket } from 'node:net';
import type { Block } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Wanted } from './connections/listeners.ts';
import type { Peer } from './connections/peer.ts';
import type { Listen } from './net/addresses.ts';
import type { Step } from './reload/plan.ts';
import type { Report } from './reload/report.ts';

/** A prepared part of a reload: `commit` or `undo` is called, once; `commit` is synchronous and cannot fail. */
export interface Prepared {
  /** What the commit does to what runs now, step by step; looking at them changes nothing. */
  plan(): readonly Step[];
  commit(report: Report): void;
  undo(): void | Promise<void>;
}

/** A protocol's side of the server: it reads its block of the tree, and takes the connections of its listens. */
export interface Host {
  /** Pure: what a resolved tree still has wrong for this protocol, such as a location matched by a broken pattern. */
  check(tree: Block): readonly Diagnostic[];
  /** Pure: the addresses the tree wants. */
  listens(tree: Block): readonly Wanted[];
  /** Does what may fail (reads certificates, compiles routes) without changing anything that runs. */
  prepare(tree: Block): Promise<Prepared>;
  accept(socket: Socket, listen: Listen, peer: Peer): void;
  /** Has connections on which requests are asked end with their next answer, where there are such, or go on after all. */
  retire?(retiring: boolean): void;
  /** Lets requests under way end by themselves; sessions are told by the hub. */
  drain(): void;
  /** Ends every connection. */
  close(): void;
}
