import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { firstLoad } from './build/first-load.ts';
import { checkLicenses, LICENSES_FILE } from './build/licenses.ts';

/** Where `npm run dev` finds a media pod or a router. */
const server = process.env['CONVENE_SERVER'] ?? 'http://localhost:8080';

/** `--mode gallery` builds the page that shows every screen with fixed data; it is not part of the app. */
export default defineConfig(({ mode }) => ({
  plugins: [
    react(),
    ...(mode === 'gallery' ? [] : [firstLoad({ maxKilobytes: 250 }), checkLicenses({ packages: ['mediasoup-client', 'react', 'react-dom'] })]),
  ],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    chunkSizeWarningLimit: 800,
    // The licenses of the bundled packages require their notices to be distributed with them. Not among the assets, which are cached for a year.
    license: { fileName: LICENSES_FILE },
    ...(mode === 'gallery' ? { outDir: 'dist-gallery', rolldownOptions: { input: 'gallery.html' } } : {}),
  },
  server: {
    proxy: {
      '/api': server,
      '/signal': { target: server, ws: true },
    },
  },
  test: {
    include: ['src/**/*.test.ts', 'build/**/*.test.ts'],
    environment: 'node',
  },
}));
