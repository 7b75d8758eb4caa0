import { Button, NativeSelect } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { DELETE, GET, POST, read, type Schemas } from '../api/client';
import { may, type Me } from '../api/session';
import { Table } from '../parts/page';
import { Failed, Shown } from '../parts/states';
import { Time } from '../parts/text';
import { say } from '../parts/toast';
import { ROLES, type Role } from './roles';

type Issued = Schemas['IssuedKey'];

function copy(text: string) {
  void navigator.clipboard.writeText(text).then(() => say('Copied.'));
}

function Made({ issued }: { issued: Issued }) {
  return (
    <div className="card stack" style={{ marginBottom: 12 }}>
      <h3>The key of {issued.info.name}: it is shown this once</h3>
      <div className="row">
        <code style={{ overflowWrap: 'anywhere' }}>{issued.key}</code>
        <Button size="compact-xs" variant="default" onClick={() => copy(issued.key)}>
          Copy
        </Button>
      </div>
      {Object.entries(issued.snippets).map(([name, text]) => (
        <div key={name}>
          <div className="row spread">
            <strong className="small">{name}</strong>
            <Button size="compact-xs" variant="default" aria-label={`Copy ${name}`} onClick={() => copy(text)}>
              Copy
            </Button>
          </div>
          <pre tabIndex={0} aria-label={name}>{text}</pre>
        </div>
      ))}
    </div>
  );
}

export function Keys({ me }: { me: Me }) {
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => read(GET('/api/v1/keys')) });
  const [holder, setHolder] = useState('');
  const [issued, setIssued] = useState<Issued>();
  const refresh = () => queries.invalidateQueries({ queryKey: ['keys'] });
  const make = useMutation({
    mutationFn: () => {
      const [kind, ...rest] = holder.split(':');
      const name = rest.join(':');
      return read(POST('/api/v1/keys', { body: kind === 'source' ? { source: name } : { role: name as Role } }));
    },
    onSuccess: (made) => {
      setIssued(made);
      void refresh();
    },
  });
  const revoke = useMutation({
    mutationFn: (id: string) => read(DELETE('/api/v1/keys/{key_id}', { params: { path: { key_id: id } } })),
    onSuccess: () => say('Revoked: all servers refuse it within a second.'),
    onSettled: refresh,
  });
  const failed = [make, revoke].find((one) => one.isError);
  return (
    <section>
      <h2>Keys</h2>
      {issued && <Made issued={issued} />}
      {failed && <Failed error={failed.error} />}
      <Shown of={keys}>
        {(all) => (
          <>
            <Table
              label="Keys"
              name="keys"
              rows={[...all.keys]}
              columns={[
                { head: 'For', cell: (one) => one.name },
                { head: 'Kind', cell: (one) => one.kind },
                { head: 'Begins with', cell: (one) => <code>{one.hint}</code>, csv: (one) => one.hint },
                { head: 'May', cell: (one) => one.scopes.join(', ') },
                { head: 'Last used', cell: (one) => <Time at={one.last_used_at} />, csv: (one) => one.last_used_at },
                {
                  head: <span className="hidden">Actions</span>,
                  cell: (one) =>
                    one.revoked_at ? (
                      <span className="tag bad">revoked</span>
                    ) : (
                      <Button size="compact-xs" variant="default" aria-label={`Revoke the key of ${one.name} ${one.hint}`} onClick={() => revoke.mutate(one.id)}>
                        Revoke
                      </Button>
                    ),
                },
              ]}
            />
            <form
              className="row" style={{ alignItems: 'flex-end', marginTop: 12 }}
              onSubmit={(event) => {
                event.preventDefault();
                make.mutate();
              }}
            >
              <NativeSelect
                label="Make a key for" value={holder} onChange={(event) => setHolder(event.currentTarget.value)}
                data={[
                  { value: '', label: 'Choose…' },
                  { group: 'A source that sends', items: all.sources.map((name) => ({ value: `source:${name}`, label: name })) },
                  ...(may(me, 'manage') ? [{ group: 'A program that asks as', items: ROLES.map((role) => ({ value: `role:${role}`, label: role })) }] : []),
                ]}
              />
              <Button type="submit" disabled={!holder} loading={make.isPending}>
                Make a key
              </Button>
            </form>
          </>
        )}
      </Shown>
    </section>
  );
}
