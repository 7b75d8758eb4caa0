import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// In development, requests go to a running server; a key stands in for signing in: ONEFOLD_KEY=of_secret_… npm run dev
const { ONEFOLD_URL = 'http://127.0.0.1:8484', ONEFOLD_KEY } = process.env;

export default defineConfig({
  plugins: [react()],
  // The server puts each answer's nonce in the place of this.
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: '../src/onefold/console/dist',
    emptyOutDir: true,
    target: 'es2022',
    // Inlined as data: URLs they would be against the policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  server: {
    fs: { allow: ['..'] },
    proxy: {
      '/api': {
        target: ONEFOLD_URL,
        headers: ONEFOLD_KEY ? { Authorization: `Bearer ${ONEFOLD_KEY}` } : {},
      },
    },
  },
});
