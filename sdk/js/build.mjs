// Build the package: modules and types by tsc, the browser's bundle by esbuild.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const stated = readFileSync(join(here, 'src/core/version.ts'), 'utf8');
if (!stated.includes(`'${version}'`)) {
  throw new Error(`src/core/version.ts does not say ${version}`);
}
rmSync(join(here, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-p', here], { stdio: 'inherit' });

// For pages without a bundler of their own: one classic script, the global `MpsDevice`.
const mqtt = JSON.parse(readFileSync(join(here, 'node_modules/mqtt/package.json'), 'utf8'));
const banner = `/*! @mps/device ${version} with mqtt.js ${mqtt.version}; licences: LICENSES.md */`;
const script = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
};
await build({
  ...script,
  entryPoints: ['src/browser/index.ts'],
  outfile: 'dist/mps-device.min.js',
  globalName: 'MpsDevice',
  banner: { js: banner },
});
// The service worker for Web Push, which a site serves beside its pages.
await build({
  ...script,
  entryPoints: ['src/browser/sw.ts'],
  outfile: 'dist/mps-sw.min.js',
  banner: { js: `/*! @mps/device ${version}: service worker */` },
});
