import type { Publication } from '../core/applications/publication.ts';
import type { Subscription } from '../core/applications/subscription.ts';
import type { Hub } from '../core/hub.ts';

/** Everybody who publishes or plays at one moment. */
export interface Sessions {
  readonly publications: ReadonlySet<Publication>;
  readonly subscriptions: ReadonlySet<Subscription>;
}

export function sessionsOf(hub: Hub): Sessions {
  const publications = new Set<Publication>();
  const subscriptions = new Set<Subscription>();
  for (const application of hub.applications()) {
    for (const publication of application.publications) publications.add(publication);
    for (const subscription of application.subscriptions) subscriptions.add(subscription);
  }
  return { publications, subscriptions };
}

export function countSessions(hub: Hub): { readonly publishers: number; readonly viewers: number } {
  const { publications, subscriptions } = sessionsOf(hub);
  return { publishers: publications.size, viewers: subscriptions.size };
}

/** How many of those before are still there. */
export function keptOf(
  before: Sessions,
  after: Sessions,
): { readonly publishers: number; readonly viewers: number } {
  return {
    publishers: [...after.publications].filter((one) => before.publications.has(one)).length,
    viewers: [...after.subscriptions].filter((one) => before.subscriptions.has(one)).length,
  };
}
