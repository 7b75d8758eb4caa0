// Finding people: by any identifier or attribute that the role may see.
import { ask, GET, inTurn, read, type Schemas } from './client';

export type Found = {
  id: string;
  label: string;
  identifier: string;
  attributes: Record<string, unknown>;
  events: number | null;
  revenue: string | null;
  lastSeen: string | null;
};

export type Search = { people: Found[]; next: number | null; because: string };

const COLUMNS = 'person, primary_type, primary_value, attributes, events, revenue, last_seen_at';

export function nameOf(attributes: Record<string, unknown>): string {
  const { first_name: first, last_name: last, name, email } = attributes;
  const both = [first, last].filter((part) => typeof part === 'string' && part).join(' ');
  return both || (typeof name === 'string' ? name : '') || (typeof email === 'string' ? email : '');
}

/** How somebody stands in a list: by name, else by the strongest identifier. */
export function shownAs(one: { name: string | null; identifier: { type: string; value: string } | null; profile_id: string }): string {
  return one.name || (one.identifier ? `${one.identifier.type}:${one.identifier.value}` : one.profile_id);
}

function fromRow(row: unknown[]): Found {
  const [person, type, value, raw, events, revenue, seen] = row;
  const attributes = (typeof raw === 'string' ? JSON.parse(raw) : (raw ?? {})) as Record<string, unknown>;
  const identifier = value === null ? '' : `${String(type)}:${String(value)}`;
  return {
    id: String(person),
    label: nameOf(attributes) || identifier || String(person),
    identifier,
    attributes,
    events: events === null ? null : Number(events),
    revenue: revenue === null ? null : String(revenue),
    lastSeen: seen === null ? null : String(seen),
  };
}

export async function peopleWhere(condition: string, limit: number, signal?: AbortSignal): Promise<Search> {
  const rows = await ask(
    `SELECT ${COLUMNS} FROM golden.profile WHERE ${condition} ORDER BY last_seen_at DESC NULLS LAST`,
    limit,
    signal,
  );
  return { people: rows.rows.map(fromRow), next: null, because: '' };
}

/** The people of this search, exact hits first: whole identifiers of any type, and words where there is a warehouse. */
export async function findPeople(search: string, skip: number, limit: number, signal?: AbortSignal): Promise<Search> {
  const found = await inTurn(() => read(GET('/api/v1/people', { params: { query: { search, skip, limit } }, signal })), signal);
  return { people: found.people.map(told), next: found.next, because: found.because };
}

function told(one: Schemas['FoundPerson']): Found {
  const identifier = one.identifier ? `${one.identifier.type}:${one.identifier.value}` : '';
  return {
    id: one.profile_id,
    label: nameOf(one.attributes) || identifier || one.profile_id,
    identifier,
    attributes: one.attributes,
    events: one.events,
    revenue: one.revenue,
    lastSeen: one.last_seen,
  };
}
