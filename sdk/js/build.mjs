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
await build({
  absWorkingDir: here,
  entryPoints: ['src/browser/index.ts'],
  outfile: 'dist/mps-device.min.js',
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'MpsDevice',
  platform: 'browser',
  target: 'es2022',
  legalComments: 'none',
  banner: { js: banner },
  logLevel: 'warning',
});
