import type { Application } from './application.ts';
import type { Claim, Elsewhere } from './elsewhere.ts';
import { checkName } from './names.ts';
import type { Publication } from './publication.ts';
import { Refused } from './refused.ts';
import type { PlayRequest, PublishRequest, Request } from './request.ts';
import { checkRoute } from './route.ts';
import type { Subscription } from './subscription.ts';

/** What becomes of those who asked, in the very turn in which that is decided. */
export interface Decided {
  /** The name is the publisher's. */
  published(request: PublishRequest): Publication;
  /** The player has its stream. */
  played(request: PlayRequest): Subscription;
  refused(request: Request): void;
}

/** What stands before the streams of an application: names, routes, gates, other publishers, and the ways to a stream. */
export class Admission {
  readonly #application: Application;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #decided: Decided;
  /** Names taken by a publisher whose gates are still being asked. */
  readonly #asking = new Set<string>();

  constructor(application: Application, elsewhere: Elsewhere | undefined, decided: Decided) {
    this.#application = application;
    this.#elsewhere = elsewhere;
    this.#decided = decided;
  }

  /** As `Application.publish`. */
  publish(request: PublishRequest): Promise<Publication> {
    return this.#admit(request, () => this.#publish(request));
  }

  async #publish(request: PublishRequest): Promise<Publication> {
    const application = this.#application;
    this.#check(request.name);
    this.#checkRoute(request);
    await application.hearOut(request.name);
    this.#checkFree(request.name);
    // Held while the gates are asked, so that of two publishers at the same moment one is told at once.
    const asked = request.name;
    this.#asking.add(asked);
    let claim: Claim | undefined;
    try {
      claim = await this.#claim(asked);
      await this.#pass(request);
      if (request.name !== asked) {
        this.#check(request.name);
        this.#checkRoute(request);
        await application.hearOut(request.name);
        this.#checkFree(request.name);
        claim?.release();
        claim = await this.#claim(request.name);
      }
      await claim?.take();
      this.#check(request.name);
      this.#checkFree(request.name, true);
      application.gates.confirm(request);
    } catch (error) {
      claim?.release();
      throw error;
    } finally {
      this.#asking.delete(asked);
    }
    return this.#decided.published(request);
  }

  /** As `Application.play`. */
  play(request: PlayRequest, mayWait: boolean): Promise<Subscription> {
    return this.#admit(request, () => this.#play(request, mayWait));
  }

  async #play(request: PlayRequest, mayWait: boolean): Promise<Subscription> {
    const application = this.#application;
    this.#check(request.name);
    await this.#pass(request);
    this.#check(request.name);
    this.#checkRoute(request);
    if (!application.has(request.name)) {
      const ours = (): Promise<boolean> => application.origins.fetch(request, mayWait);
      const coming = await (this.#elsewhere?.bring(application, request.name, ours) ?? ours());
      this.#checkOpen();
      if (!mayWait && !application.has(request.name)) {
        throw new Refused('not-found', coming ? 'the stream has ended' : 'no such stream');
      }
    }
    application.gates.confirm(request);
    return this.#decided.played(request);
  }

  async #admit<T>(request: Request, admission: () => Promise<T>): Promise<T> {
    try {
      return await admission();
    } catch (error) {
      this.#decided.refused(request);
      throw error;
    }
  }

  #claim(name: string): Promise<Claim> | undefined {
    const takeover = this.#application.settings.publish_conflict === 'takeover';
    return this.#elsewhere?.claim(this.#application, name, takeover);
  }

  async #pass(request: Request): Promise<void> {
    await this.#application.gates.pass(request);
    this.#checkOpen();
  }

  #check(name: string): void {
    this.#checkOpen();
    checkName(name);
  }

  #checkOpen(): void {
    const { closed, settings } = this.#application;
    if (closed) throw new Refused('not-found', 'no such application');
    if (!settings.live) throw new Refused('not-found', 'the application is not live');
  }

  #checkRoute(request: Request): void {
    checkRoute(request.client.via, () => this.#application.hop(request.name));
  }

  #checkFree(name: string, ours = false): void {
    const { settings } = this.#application;
    const taken =
      settings.publish_conflict === 'reject' && this.#application.publicationNamed(name) !== undefined;
    if (taken || (this.#asking.has(name) && !ours)) throw new Refused('busy', 'Already publishing');
  }
}
