import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds a media pod or a router. */
const server = process.env['CONVENE_SERVER'] ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    // The licences of what is bundled ask for their notices to travel with it.
    license: { fileName: 'assets/licences.md' },
  },
  server: {
    proxy: {
      '/api': server,
      '/signal': { target: server, ws: true },
    },
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
  },
});
