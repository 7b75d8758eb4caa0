import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { POST, read } from '../api/client';
import { Failed } from '../parts/states';

/** Where to go after signing in: only within the console, whatever the URL says. */
function within(to: string | undefined): string {
  if (!to) return '/';
  const url = new URL(to, location.origin);
  return url.origin === location.origin && to.startsWith('/') ? url.pathname + url.search + url.hash : '/';
}

/** How one signs in here, as the page says. */
const WAYS = (document.querySelector<HTMLMetaElement>('meta[name=sign-in]')?.content ?? '').split(' ');

export default function SignIn() {
  const { to, refused } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [workspace, setWorkspace] = useState('');
  const [several, setSeveral] = useState(false);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const me = await read(POST('/api/v1/session', { body: { name, password, workspace: workspace || null } }));
      queries.clear();
      queries.setQueryData(['me'], me);
      await navigate({ href: within(to) });
    } catch (problem) {
      if (problem instanceof Error && problem.message.includes('workspace')) setSeveral(true);
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="auth">
      <h1>Sign in to Onefold</h1>
      <form onSubmit={(event) => void enter(event)} className="stack" style={{ margin: '16px 0' }}>
        <TextInput label="Name or e-mail address" autoComplete="username" required value={name} onChange={(event) => setName(event.currentTarget.value)} autoFocus />
        <PasswordInput
          label="Password" autoComplete="current-password" required value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {several && <TextInput label="Workspace" value={workspace} onChange={(event) => setWorkspace(event.currentTarget.value)} />}
        {refused && error === undefined && (
          <Failed error={new Error('Your organisation’s sign-in was refused. Ask whoever runs Onefold which groups have a role here; why it was refused stands in the server’s log.')} />
        )}
        {error !== undefined && <Failed error={error} />}
        <Button type="submit" loading={busy}>
          Sign in
        </Button>
      </form>
      {WAYS.includes('openid') && (
        <p>
          <Button component="a" href="/api/v1/openid/start" variant="default" fullWidth>
            Sign in with your organisation
          </Button>
        </p>
      )}
      <p className="quiet small">
        No account yet? An owner makes you a link under Settings. The first owner uses the link that <code>onefold serve</code>{' '}
        prints. Password forgotten: <code>onefold accounts reset</code> makes a new link.
      </p>
    </main>
  );
}
