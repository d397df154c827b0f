import { onTestFinished } from 'vitest';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { accessModule } from '../../../src/modules/access/access.ts';
import { notifyModule } from '../../../src/modules/notify/notify.ts';
import { connectTo, openClient, type RtmpClient } from '../../rtmp/client.ts';
import { startServer, type TestServer, until } from '../../rtmp/server.ts';

/** A server with callbacks and access rules; it and its clients end with the test. */
export class Stage {
  readonly server: TestServer;
  readonly #clients: RtmpClient[] = [];

  private constructor(server: TestServer) {
    this.server = server;
  }

  /** `application` stands in application `live`, `outer` in its server. */
  static async open(application: string, outer = ''): Promise<Stage> {
    const stage = new Stage(await startServer(confOf(application, outer), [accessModule, notifyModule]));
    onTestFinished(async () => {
      for (const client of stage.#clients) client.destroy();
      await stage.server.close();
      await stage.server.runtime.hub.settled();
    });
    return stage;
  }

  reload(application: string, outer = '') {
    return this.server.reload(confOf(application, outer));
  }

  async connect(app = 'live', more: Readonly<Record<string, string>> = {}): Promise<RtmpClient> {
    const client =
      Object.keys(more).length === 0 ? await connectTo(this.server.port, app) : await this.open();
    if (Object.keys(more).length > 0) await client.connect(app, more);
    this.#clients.push(client);
    return client;
  }

  /** A connection after its handshake. */
  async open(): Promise<RtmpClient> {
    const client = await openClient(this.server.port);
    this.#clients.push(client);
    return client;
  }

  async publish(name: string, app = 'live'): Promise<RtmpClient> {
    const client = await this.connect(app);
    await client.publish(name);
    sendMedia(client);
    return client;
  }

  async play(name: string, app = 'live'): Promise<RtmpClient> {
    const client = await this.connect(app);
    await client.play(name);
    return client;
  }

  /** The status a refused publish is answered with. */
  async refusedPublish(name: string): Promise<Readonly<Record<string, unknown>>> {
    const client = await this.connect();
    const id = await client.createStream();
    client.call('publish', [null, name, 'live'], id);
    const { args } = await client.command('onStatus');
    await client.closed;
    return args[1] as Record<string, unknown>;
  }

  status(hook: string) {
    return this.server.runtime.hub.callbacks.list().find((one) => one.hook === hook)!;
  }
}

function confOf(application: string, outer: string): string {
  return `server { listen 127.0.0.1:PORT; ${outer}
    application live { live on; ${application} }
    application other { live on; }
  }`;
}

/** Headers and a key frame. */
function sendMedia(client: RtmpClient): void {
  client.push(VIDEO, 0, Buffer.from('1700000000014d401f', 'hex'));
  client.push(AUDIO, 0, Buffer.from('af001210', 'hex'));
  client.push(VIDEO, 0, Buffer.from('1701000000aabbccdd', 'hex'));
}

export { until };
