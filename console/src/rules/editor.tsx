// The editor of a rule's tree: groups within groups, each condition a line that reads as a sentence.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { words } from '../parts/text';
import { fresh, replaced, takesValue, typedOf, valueOf, type Condition, type Group, type Logic } from './tree';

type Fields = Schemas['RuleFields'];
type Option = { name: string; group: string; kind: string };
const COUNTED = new Set(['count', 'first', 'last']);
const LOGIC: { value: Logic; label: string }[] = [
  { value: 'and', label: 'all of these' },
  { value: 'or', label: 'any of these' },
  { value: 'not', label: 'none of these' },
];
const OPERATORS: Record<string, string> = {
  equals: 'is', not_equals: 'is not', greater_than: 'is more than', greater_or_equal: 'is at least', less_than: 'is less than',
  less_or_equal: 'is at most', within_last: 'is within the last', in: 'is one of', not_in: 'is none of', between: 'is between',
  exists: 'is known', not_exists: 'is not known', not_contains: 'does not contain', contains_any: 'contains any of',
};
const OF_EVENTS = ['greater_or_equal', 'equals', 'less_or_equal', 'exists', 'not_exists', 'within_last', 'before', 'after'];

function says(operator: string, event: boolean): string {
  if (event && operator === 'exists') return 'happened';
  if (event && operator === 'not_exists') return 'never happened';
  return OPERATORS[operator] ?? words(operator);
}

function ValueInput({ field, event, known, kind, operator, value, set }: { field: string; event?: string; known: boolean; kind: string; operator: string; value: unknown; set: (value: unknown) => void }) {
  const list = useId();
  const [typed, setTyped] = useState(typedOf(value));
  const [settled] = useDebouncedValue(typed, 250);
  // Fields by other names, such as those of older builders, have no values to suggest.
  const suggests = known && kind !== 'boolean' && kind !== 'time' && operator !== 'within_last' && !field.startsWith('in_segment.');
  const last = settled.split(',').at(-1)?.trim() ?? '';
  const values = useQuery({
    queryKey: ['values', field, event, last],
    queryFn: () => read(GET('/api/v1/rules/values', { params: { query: { field, ...(event ? { event } : {}), q: last, limit: 12 } } })),
    enabled: suggests && field !== '',
    retry: false,
  });
  if (kind === 'boolean') {
    return <NativeSelect size="xs" aria-label="Value" value={String(value)} data={['true', 'false']} onChange={(change) => set(change.currentTarget.value === 'true')} />;
  }
  return (
    <>
      <TextInput
        size="xs" aria-label="Value" list={suggests ? list : undefined} value={typed} w={150}
        placeholder={operator === 'between' ? '1, 10' : ['in', 'not_in', 'contains_any'].includes(operator) ? 'one, another' : operator === 'before' || operator === 'after' ? '2026-01-31' : 'value'}
        onChange={(change) => {
          setTyped(change.currentTarget.value);
          set(valueOf(change.currentTarget.value, operator, kind));
        }}
      />
      {suggests && (
        <datalist id={list}>
          {(values.data?.values ?? []).map((one) => (
            <option key={String(one.value)} value={String(one.value)} label={`${one.value} (${one.count})`} />
          ))}
        </datalist>
      )}
    </>
  );
}

function fieldData(options: Option[], chosen: string | undefined) {
  const groups = [...new Set(options.map((one) => one.group))];
  const known = !chosen || options.some((one) => one.name === chosen);
  return [
    { value: '', label: 'Choose…' },
    ...(known ? [] : [{ value: chosen, label: chosen }]),
    ...groups.map((group) => ({
      group,
      items: options.filter((one) => one.group === group).map((one) => ({ value: one.name, label: words(one.name) })),
    })),
  ];
}

function EventLine({ condition, fields, set, depth }: { condition: Condition; fields: Fields; set: (next: Condition) => void; depth: number }) {
  const aggregate = condition.aggregate ?? (['within_last', 'before', 'after'].includes(condition.operator ?? '') ? 'last' : 'count');
  const event = fields.events.find((one) => one.name === condition.event_name);
  const properties: Option[] = (event?.properties ?? []).map((one) => ({ name: one.name, group: 'property', kind: 'any' }));
  const operators = OF_EVENTS.includes(condition.operator ?? '') ? OF_EVENTS : [condition.operator!, ...OF_EVENTS];
  return (
    <>
      <NativeSelect size="xs" aria-label="Event" value={condition.event_name} data={[{ value: '', label: 'Which event?' }, ...(event || !condition.event_name ? [] : [condition.event_name]), ...fields.events.map((one) => ({ value: one.name, label: `${one.name} (${one.events})` }))]} onChange={(change) => set({ ...condition, event_name: change.currentTarget.value })} />
      <NativeSelect
        size="xs" aria-label="What of the events" value={aggregate} data={[...fields.aggregates].map((one) => ({ value: one, label: one === 'count' ? 'number' : words(one) }))}
        onChange={(change) => {
          const { property, ...rest } = condition;
          const chosen = change.currentTarget.value;
          set({ ...rest, aggregate: chosen, ...(COUNTED.has(chosen) || !property ? {} : { property }) });
        }}
      />
      {!COUNTED.has(aggregate) && (
        <NativeSelect size="xs" aria-label="Property" value={condition.property ?? ''} data={fieldData(properties, condition.property)} onChange={(change) => set({ ...condition, property: change.currentTarget.value || undefined })} />
      )}
      <NativeSelect
        size="xs" aria-label="Comparison" value={condition.operator} data={operators.map((one) => ({ value: one, label: says(one, true) }))}
        onChange={(change) => set({ field: 'event', event_name: condition.event_name, operator: change.currentTarget.value, ...(condition.where ? { where: condition.where } : {}), ...(condition.within ? { within: condition.within } : {}), ...(takesValue(change.currentTarget.value) ? { value: change.currentTarget.value === 'within_last' ? 30 : 1 } : {}), ...(change.currentTarget.value === 'within_last' ? { unit: 'days' } : {}) })}
      />
      {takesValue(condition.operator) && <ValueInput key={condition.operator} known={false} field="event" kind={['before', 'after'].includes(condition.operator ?? '') ? 'time' : 'number'} operator={condition.operator ?? ''} value={condition.value} set={(value) => set({ ...condition, value })} />}
      {condition.operator === 'within_last' ? (
        <Unit unit={condition.unit} set={(unit) => set({ ...condition, unit })} />
      ) : (
        <label className="row small quiet">
          within days
          <TextInput
            size="xs" w={64} aria-label="Within how many days" placeholder="ever" inputMode="numeric" value={condition.within?.value ?? ''}
            onChange={(change) => {
              const { within, ...rest } = condition;
              const days = Number(change.currentTarget.value);
              set(days > 0 ? { ...rest, within: { value: days, unit: within?.unit ?? 'days' } } : rest);
            }}
          />
        </label>
      )}
      {condition.where ? (
        <GroupEditor group={condition.where} options={properties} fields={fields} event={condition.event_name} depth={depth + 1} label="where" set={(where) => {
          const { where: _, ...rest } = condition;
          set(where && where.conditions.length + where.groups.length > 0 ? { ...rest, where } : rest);
        }} />
      ) : (
        <Button size="compact-xs" variant="default" disabled={!condition.event_name} onClick={() => set({ ...condition, where: { logic: 'and', conditions: [{ operator: 'equals' }], groups: [] } })}>
          where…
        </Button>
      )}
    </>
  );
}

function Unit({ unit, set }: { unit: string | undefined; set: (unit: string) => void }) {
  return <NativeSelect size="xs" aria-label="Unit" value={unit ?? 'days'} data={['hours', 'days', 'weeks']} onChange={(change) => set(change.currentTarget.value)} />;
}

function Line({ condition, options, fields, event, set, depth }: { condition: Condition; options: Option[]; fields: Fields; event?: string; set: (next: Condition | null) => void; depth: number }) {
  const chosen = options.find((one) => one.name === condition.field);
  const kind = chosen?.kind ?? 'any';
  const operators = fields.operators[kind] ?? fields.operators.any ?? [];
  return (
    <div className="condition">
      {condition.expression !== undefined ? (
        <TextInput size="xs" aria-label="Expression" value={condition.expression} onChange={(change) => set({ expression: change.currentTarget.value })} style={{ flex: 1 }} />
      ) : (
        <>
          <NativeSelect
            size="xs" aria-label="Field" value={condition.field ?? ''} data={fieldData(options, condition.field)}
            onChange={(change) => {
              const name = change.currentTarget.value;
              set(fresh(name, options.find((one) => one.name === name)?.kind ?? 'any'));
            }}
          />
          {condition.field === 'event' && !event ? (
            <EventLine condition={condition} fields={fields} set={set} depth={depth} />
          ) : (
            condition.field && (
              <>
                <NativeSelect
                  size="xs" aria-label="Comparison" value={condition.operator} data={(operators.includes(condition.operator ?? '') ? operators : [condition.operator ?? '', ...operators]).map((one) => ({ value: one, label: says(one, false) }))}
                  onChange={(change) => {
                    const operator = change.currentTarget.value;
                    set({ field: condition.field, operator, ...(takesValue(operator) ? { value: operator === 'within_last' ? 30 : valueOf(typedOf(condition.value), operator, kind) } : {}), ...(operator === 'within_last' ? { unit: 'days' } : {}) });
                  }}
                />
                {takesValue(condition.operator) && <ValueInput key={`${condition.field} ${condition.operator}`} field={condition.field} event={event} known={chosen !== undefined} kind={kind} operator={condition.operator ?? ''} value={condition.value} set={(value) => set({ ...condition, value })} />}
                {condition.operator === 'within_last' && <Unit unit={condition.unit} set={(unit) => set({ ...condition, unit })} />}
              </>
            )
          )}
        </>
      )}
      <Button size="compact-xs" variant="subtle" aria-label="Remove this condition" onClick={() => set(null)}>
        ✕
      </Button>
    </div>
  );
}

export function GroupEditor({ group, options, fields, event, set, depth = 0, label }: { group: Group; options: Option[]; fields: Fields; event?: string; set: (next: Group | null) => void; depth?: number; label?: string }) {
  return (
    <div className="rule-group" role="group" aria-label={label ?? 'Group of conditions'} style={label ? { flexBasis: '100%' } : undefined}>
      <div className="row">
        <span className="quiet small">{label ?? (depth === 0 ? 'People for whom' : 'and within that')}</span>
        <NativeSelect size="xs" aria-label="How the conditions combine" value={group.logic} data={LOGIC} onChange={(change) => set({ ...group, logic: change.currentTarget.value as Logic })} />
        <span className="quiet small">hold</span>
        {depth > 0 && (
          <Button size="compact-xs" variant="subtle" aria-label="Remove this group" onClick={() => set(null)}>
            ✕
          </Button>
        )}
      </div>
      {group.conditions.map((condition, index) => (
        <Line key={index} condition={condition} options={options} fields={fields} event={event} depth={depth} set={(next) => set({ ...group, conditions: replaced(group.conditions, index, next) })} />
      ))}
      {group.groups.map((inside, index) => (
        <GroupEditor key={index} group={inside} options={options} fields={fields} event={event} depth={depth + 1} set={(next) => set({ ...group, groups: replaced(group.groups, index, next) })} />
      ))}
      <div className="row">
        <Button size="compact-xs" variant="default" onClick={() => set({ ...group, conditions: [...group.conditions, { operator: 'equals' }] })}>
          Add a condition
        </Button>
        {depth < 4 && !event && (
          <Button size="compact-xs" variant="default" onClick={() => set({ ...group, groups: [...group.groups, { logic: group.logic === 'or' ? 'and' : 'or', conditions: [{ operator: 'equals' }], groups: [] }] })}>
            Add a group
          </Button>
        )}
      </div>
    </div>
  );
}

/** What can be chosen of a person, events first. */
export function choices(fields: Fields): Option[] {
  return [
    { name: 'event', group: 'what they did', kind: 'any' },
    ...fields.fields.filter((one) => !one.because).map(({ name, group, kind }) => ({ name, group, kind })),
  ];
}
