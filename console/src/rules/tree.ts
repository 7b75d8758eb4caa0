// A rule in its JSON form, and what the builder does to it. Pure: each function gives a new tree.
export type Logic = 'and' | 'or' | 'not';
export type Within = { value: number; unit: string };
export type Condition = {
  field?: string;
  operator?: string;
  value?: unknown;
  unit?: string;
  event_name?: string;
  aggregate?: string;
  property?: string;
  within?: Within;
  where?: Group;
  expression?: string;
  [more: string]: unknown;
};
export type Group = { logic: Logic; conditions: Condition[]; groups: Group[] };

/** What a document of the API or of a URL is as a tree, with nothing left out. */
export function tree(document: unknown): Group {
  const given = (document ?? {}) as Partial<Group>;
  return {
    logic: given.logic ?? 'and',
    conditions: (given.conditions ?? []).map((one) => (one.where ? { ...one, where: tree(one.where) } : one)),
    groups: (given.groups ?? []).map(tree),
  };
}

/** The tree as the API takes it: without empty groups and what is not filled in yet; null where nothing is left. */
export function pruned(group: Group): Record<string, unknown> | null {
  const conditions = group.conditions.filter(whole).map((one) => {
    const { where, ...rest } = one;
    const inside = where && pruned(where);
    return inside ? { ...rest, where: inside } : rest;
  });
  const groups = group.groups.map(pruned).filter((one) => one !== null);
  if (conditions.length + groups.length === 0) return null;
  return { logic: group.logic, ...(conditions.length ? { conditions } : {}), ...(groups.length ? { groups } : {}) };
}

const VALUELESS = new Set(['exists', 'not_exists']);
const LISTS = new Set(['in', 'not_in', 'between', 'contains_any']);
const ORDERED = new Set(['greater_than', 'greater_or_equal', 'less_than', 'less_or_equal', 'between']);

export function takesValue(operator: string | undefined): boolean {
  return !VALUELESS.has(operator ?? '');
}

function whole(one: Condition): boolean {
  if (one.expression !== undefined) return one.expression.trim() !== '';
  if (!one.field || !one.operator || (one.field === 'event' && !one.event_name)) return false;
  if (!takesValue(one.operator)) return true;
  if (Array.isArray(one.value)) return one.operator === 'between' ? one.value.length === 2 : one.value.length > 0;
  return one.value !== undefined && one.value !== '';
}

/** A value as the rule needs it, from what was typed. */
export function valueOf(typed: string, operator: string, kind: string): unknown {
  if (LISTS.has(operator)) {
    return typed.split(',').map((part) => part.trim()).filter(Boolean).map((part) => single(part, operator, kind));
  }
  return single(typed, operator, kind);
}

function single(typed: string, operator: string, kind: string): unknown {
  const numeric = kind === 'number' || operator === 'within_last' || (kind === 'any' && ORDERED.has(operator));
  if (numeric && typed.trim() !== '' && !Number.isNaN(Number(typed))) return Number(typed);
  if (kind === 'boolean') return typed === 'true';
  return typed;
}

export function typedOf(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : value === undefined || value === null ? '' : String(value);
}

/** A condition on another field: what belonged to the old one is gone. */
export function fresh(field: string, kind: string): Condition {
  if (field === 'event') return { field, event_name: '', operator: 'greater_or_equal', value: 1 };
  if (kind === 'boolean') return { field, operator: 'equals', value: true };
  if (kind === 'time') return { field, operator: 'within_last', value: 30, unit: 'days' };
  return { field, operator: kind === 'number' ? 'greater_or_equal' : 'equals', value: '' };
}

export function replaced<T>(list: readonly T[], index: number, by: T | null): T[] {
  return by === null ? list.filter((_, at) => at !== index) : list.map((one, at) => (at === index ? by : one));
}
