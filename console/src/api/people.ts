// Finding people: by any identifier exactly, and by what their attributes contain for whoever may ask the warehouse.
import { ask, literal, POST, ProblemError, read } from './client';
import { may, type Me } from './session';

export type Found = {
  id: string;
  label: string;
  identifier: string;
  attributes: Record<string, unknown>;
  events: number | null;
  revenue: string | null;
  lastSeen: string | null;
};

export type Search = { people: Found[]; more: boolean; onlyExact: boolean };

const TYPES = ['user_id', 'crm_id', 'subscriber_id', 'contact_id', 'anonymous_id', 'external_id', 'device_id'];

/** What an identifier may be of which type: `type:value` says it, the rest is told by its look. */
function readings(text: string): { type: string; value: string }[] {
  const stated = /^([a-z][a-z0-9_]*):(.+)$/.exec(text);
  if (stated) return [{ type: stated[1]!, value: stated[2]! }];
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) return [{ type: 'profile', value: text }];
  if (/^\S+@\S+$/.test(text)) return [{ type: 'email', value: text }];
  if (/\s/.test(text) && !/^[+\d\s().-]+$/.test(text)) return [];
  const phone = /^\+?[\d\s().-]{7,}$/.test(text) ? [{ type: 'phone', value: text }] : [];
  return /\d/.test(text) ? [...phone, ...TYPES.map((type) => ({ type, value: text }))] : [];
}

async function exactly(text: string): Promise<Found | null> {
  const found = await Promise.all(
    readings(text).map((named) =>
      read(POST('/api/v1/profiles/lookup', { body: named })).catch((error: unknown) => {
        if (error instanceof ProblemError && [404, 422].includes(error.status)) return null;
        throw error;
      }),
    ),
  );
  const profile = found.find((one) => one !== null);
  if (!profile) return null;
  const attributes = Object.fromEntries(Object.entries(profile.attributes).map(([name, one]) => [name, one.value]));
  const identifier = profile.canonical ? `${profile.canonical.type}:${profile.canonical.value}` : '';
  return {
    id: profile.id,
    label: nameOf(attributes) || identifier,
    identifier,
    attributes,
    events: profile.counters.events,
    revenue: profile.counters.revenue,
    lastSeen: profile.last_seen,
  };
}

const COLUMNS = 'person, primary_type, primary_value, attributes, events, revenue, last_seen_at';

export function nameOf(attributes: Record<string, unknown>): string {
  const { first_name: first, last_name: last, name, email } = attributes;
  const both = [first, last].filter((part) => typeof part === 'string' && part).join(' ');
  return both || (typeof name === 'string' ? name : '') || (typeof email === 'string' ? email : '');
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
  return { people: rows.rows.map(fromRow), more: rows.more, onlyExact: false };
}

/** The people of this search, an exact hit first. */
export async function findPeople(text: string, me: Me | undefined, limit: number, signal?: AbortSignal): Promise<Search> {
  if (!may(me, 'query')) {
    const hit = text ? await exactly(text) : null;
    return { people: hit ? [hit] : [], more: false, onlyExact: true };
  }
  const terms = text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 6);
  const [hit, rest] = await Promise.all([
    text ? exactly(text) : null,
    peopleWhere(
      terms.map((term) => `contains(lower(concat(attributes, identifiers)), ${literal(term)})`).join(' AND ') || 'true',
      limit,
      signal,
    ),
  ]);
  const others = rest.people.filter((one) => one.id !== hit?.id);
  return { ...rest, people: hit ? [hit, ...others] : others };
}
