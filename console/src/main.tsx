import { createTheme, MantineProvider } from '@mantine/core';
import '@mantine/core/styles.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ProblemError } from './api/client';
import { makeRouter } from './router';
import './style.css';

const ONE_TRY = new Set([400, 401, 403, 404, 412, 422, 428, 503]);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      retry: (times, error) => times < 2 && !(error instanceof ProblemError && ONE_TRY.has(error.status)),
    },
  },
});

// Styles that components make at run time carry the answer's nonce; the policy refuses all others.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
(globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = nonce;

const theme = createTheme({
  primaryColor: 'lake',
  primaryShade: { light: 7, dark: 7 },
  colors: {
    lake: [
      '#e9f3f8', '#d3e6ef', '#a7cee0', '#79b5d0', '#559fc1', '#3f8fb5', '#2b7ba1', '#1c5a7a', '#154862', '#0d354a',
    ],
  },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={makeRouter(queries)} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
