import { Button, NativeSelect, PasswordInput, SegmentedControl, TextInput, useMantineColorScheme } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { DELETE, GET, PATCH, POST, read, type Schemas } from '../api/client';
import { may, useMe, type Me } from '../api/session';
import { Page, Table } from '../parts/page';
import { Failed, Shown } from '../parts/states';
import { plural, Time } from '../parts/text';
import { say } from '../parts/toast';
import { ROLES, SAYS, type Role } from './roles';
import { Audit } from './settings-audit';
import { Keys } from './settings-keys';


function Link({ link }: { link: Schemas['SetupLink'] }) {
  const url = location.origin + link.path;
  return (
    <div className="card" style={{ marginBottom: 12 }}>
      <h3>A one-time link for {link.account.name}</h3>
      <p className="small quiet">Give it to them; it is shown once, and works until <Time at={link.expires_at} />.</p>
      <div className="row">
        <code style={{ overflowWrap: 'anywhere' }}>{url}</code>
        <Button size="compact-sm" variant="default" onClick={() => void navigator.clipboard.writeText(url).then(() => say('Copied.'))}>
          Copy
        </Button>
      </div>
    </div>
  );
}

function Accounts({ me }: { me: Me }) {
  const queries = useQueryClient();
  const accounts = useQuery({ queryKey: ['accounts'], queryFn: () => read(GET('/api/v1/accounts')) });
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('marketer');
  const [link, setLink] = useState<Schemas['SetupLink']>();
  const refresh = () => queries.invalidateQueries({ queryKey: ['accounts'] });
  const add = useMutation({
    mutationFn: () => read(POST('/api/v1/accounts', { body: { name, role } })),
    onSuccess: (made) => {
      setLink(made);
      setName('');
      void refresh();
    },
  });
  const change = useMutation({
    mutationFn: ({ id, ...body }: { id: string; role?: Role; disabled?: boolean }) =>
      read(PATCH('/api/v1/accounts/{account_id}', { params: { path: { account_id: id } }, body })),
    onSettled: refresh,
  });
  const reset = useMutation({
    mutationFn: (id: string) => read(POST('/api/v1/accounts/{account_id}/reset', { params: { path: { account_id: id } } })),
    onSuccess: setLink,
  });
  const failed = [add, change, reset].find((one) => one.isError);
  return (
    <section>
      <h2>Accounts</h2>
      {link && <Link link={link} />}
      {failed && <Failed error={failed.error} />}
      <Shown of={accounts}>
        {({ accounts: rows }) => (
          <Table
            label="Accounts"
            name="accounts"
            rows={[...rows]}
            columns={[
              { head: 'Name', cell: (one) => one.name },
              {
                head: 'Role',
                cell: (one) => <NativeSelect size="xs" aria-label={`Role of ${one.name}`} value={one.role} data={ROLES} disabled={one.id === me.id} onChange={(event) => change.mutate({ id: one.id, role: event.currentTarget.value as Role })} />,
                csv: (one) => one.role,
              },
              { head: 'Status', cell: (one) => <span className={`tag ${one.status === 'active' ? 'good' : 'warn'}`}>{one.status}</span>, csv: (one) => one.status },
              { head: 'Signed in', cell: (one) => <Time at={one.signed_in_at} />, csv: (one) => one.signed_in_at },
              {
                head: <span className="hidden">Actions</span>,
                cell: (one) =>
                  one.id !== me.id && (
                    <div className="row">
                      <Button size="compact-xs" variant="default" onClick={() => reset.mutate(one.id)}>
                        New link
                      </Button>
                      <Button size="compact-xs" variant="default" onClick={() => change.mutate({ id: one.id, disabled: one.status !== 'disabled' })}>
                        {one.status === 'disabled' ? 'Enable' : 'Disable'}
                      </Button>
                    </div>
                  ),
                  },
            ]}
          />
        )}
      </Shown>
      <form
        className="row" style={{ alignItems: 'flex-end', marginTop: 12 }}
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <TextInput label="Add an account" placeholder="ann@example.org" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <NativeSelect label="Role" value={role} data={ROLES} onChange={(event) => setRole(event.currentTarget.value as Role)} />
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </form>
      <p className="quiet small" style={{ marginTop: 6 }}>
        {role}: {SAYS[role]}.
      </p>
    </section>
  );
}

function Mine({ me }: { me: Me }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => read(POST('/api/v1/me/password', { body: { old, new: next } })),
    onSuccess: () => {
      setOld('');
      setNext('');
      say('Changed. All other sessions have ended.');
    },
  });
  const leave = useMutation({
    mutationFn: () => read(DELETE('/api/v1/sessions')),
    onSuccess: async (done) => {
      queries.clear();
      say(`Signed out everywhere: ${plural(done.ended, 'session')} ended.`);
      await navigate({ to: '/sign-in' });
    },
  });
  return (
    <section className="card">
      <h2>Your account</h2>
      <dl className="pairs" style={{ marginBottom: 12 }}>
        <dt>Name</dt>
        <dd>{me.name}</dd>
        <dt>Role</dt>
        <dd>{me.role ?? 'a key'}</dd>
        <dt>May</dt>
        <dd>{me.scopes.join(', ')}</dd>
        {Object.entries(me.masks).map(([of, mask]) => (
          <div key={of} style={{ display: 'contents' }}>
            <dt>{of} data</dt>
            <dd>{mask === 'show' ? 'shown' : mask === 'shorten' ? 'shortened' : 'hidden'}</dd>
          </div>
        ))}
      </dl>
      {me.kind === 'account' && (
        <>
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              change.mutate();
            }}
          >
            <PasswordInput label="Password so far" autoComplete="current-password" required value={old} onChange={(event) => setOld(event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': 'Show the password so far' }} />
            <PasswordInput label="New password" autoComplete="new-password" required value={next} onChange={(event) => setNext(event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': 'Show the new password' }} />
            {change.isError && <Failed error={change.error} />}
            <div className="row">
              <Button type="submit" variant="default" loading={change.isPending}>
                Change the password
              </Button>
              <Button variant="default" loading={leave.isPending} onClick={() => leave.mutate()}>
                Sign out everywhere
              </Button>
            </div>
          </form>
          {leave.isError && <Failed error={leave.error} />}
        </>
      )}
    </section>
  );
}

export default function Settings() {
  const me = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  if (!me) return null;
  return (
    <Page title="Settings" json="/api/v1/me">
      <div className="stack" style={{ gap: 24 }}>
        {may(me, 'manage') && <Accounts me={me} />}
        {may(me, 'sources') && <Keys me={me} />}
        <Mine me={me} />
        {may(me, 'manage') && <Audit />}
        <section>
          <h2>Theme</h2>
          <SegmentedControl aria-label="Theme" value={colorScheme} onChange={(value) => setColorScheme(value as 'auto' | 'light' | 'dark')} data={[{ value: 'auto', label: 'As the system' }, { value: 'light', label: 'Light' }, { value: 'dark', label: 'Dark' }]} />
        </section>
      </div>
    </Page>
  );
}
