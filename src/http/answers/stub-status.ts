import { wholeFigures } from '../../core/statistics/whole.ts';
import type { Answer, Exchange } from '../requests/exchange.ts';

/** The page of `stub_status`, in the form that monitoring tools parse. */
export async function statusPage(exchange: Exchange): Promise<Answer> {
  const { figures } = await wholeFigures(exchange.runtime);
  const { accepted, handled, requests, active, writing } = figures.requests;
  const waiting = Math.max(active - writing, 0);
  const body = `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${handled} ${requests} \nReading: 0 Writing: ${writing} Waiting: ${waiting} \n`;
  return { status: 200, type: 'text/plain', body };
}
