import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { POST, read } from '../api/client';
import { Failed, Shown } from '../parts/states';

export default function Setup() {
  // The token is the fragment, which browsers send to nobody; it leaves the address bar and the history at once.
  const [token] = useState(() => location.hash.replace(/^#/, ''));
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const link = useQuery({
    queryKey: ['setup'],
    queryFn: () => read(POST('/api/v1/setup/check', { body: { token } })),
    enabled: token !== '',
    gcTime: 0,
  });
  const choose = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const me = await read(POST('/api/v1/setup', { body: { token, name: name || null, password } }));
      queries.clear();
      queries.setQueryData(['me'], me);
      await navigate({ to: '/', replace: true });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="auth">
      <h1>Welcome to Onefold</h1>
      {token === '' ? (
        <p>
          This page needs the one-time link that <code>onefold serve</code> prints, or that an owner makes under Settings.
        </p>
      ) : (
        <Shown of={link} rows={3}>
          {(state) => (
            <form onSubmit={(event) => void choose(event)} className="stack" style={{ marginTop: 12 }}>
              <p className="quiet">
                {state.name ? `Choose a password for ${state.name}` : 'You are the first owner'} of the workspace{' '}
                <strong>{state.workspace}</strong>. The role is {state.role}.
              </p>
              {!state.name && (
                <TextInput label="Name to sign in with" placeholder="you@example.org" autoComplete="username" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
              )}
              <PasswordInput
                label="Password" description="A sentence of a few words is best." autoComplete="new-password" required value={password}
                onChange={(event) => setPassword(event.currentTarget.value)}
                visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
              />
              {error !== undefined && <Failed error={error} />}
              <Button type="submit" loading={busy}>
                Set the password and sign in
              </Button>
            </form>
          )}
        </Shown>
      )}
    </main>
  );
}
