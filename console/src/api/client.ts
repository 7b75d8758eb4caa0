// The HTTP API as the console calls it. Sessions are cookies that scripts cannot read, so there is nothing to attach here.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

const client = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
export const { GET, POST, PUT, PATCH, DELETE } = client;

/** A request that was refused: `message` says to a person what to do next. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer, with the answer itself for whoever needs its headers. */
export async function answered<T>(request: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch {
    throw new ProblemError(0, 'The server does not answer. Is `onefold serve` running?', '');
  }
  const { data, error, response } = answer;
  if (!response.ok) {
    const problem = (error ?? {}) as Partial<Schemas['Problem']>;
    throw new ProblemError(
      response.status,
      problem.detail ?? `The server answered ${response.status}.`,
      problem.request_id ?? '',
    );
  }
  return { data: data as T, response };
}

export async function read<T>(request: Promise<Answer<T>>): Promise<T> {
  return (await answered(request)).data;
}

export type Rows = { columns: string[]; rows: unknown[][]; more: boolean };

let asking: Promise<unknown> = Promise.resolve();

/** What asks the warehouse, one after the other: the server runs few queries at once. */
export function inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const answer = asking.then(() => {
    signal?.throwIfAborted();
    return work();
  });
  asking = answer.catch(() => undefined);
  return answer;
}

/** The rows of a query of the warehouse, for whoever may ask it. */
export function ask(query: string, limit = 200, signal?: AbortSignal): Promise<Rows> {
  return inTurn(() => read(POST('/api/v1/query', { body: { query, limit, seconds: 30 }, signal })) as Promise<Rows>, signal);
}

/** A text as a literal of SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
