import { describe, expect, test } from 'vitest';
import { readableError } from '../../../cloud/assembly/synthesise.ts';
import { toEmulatorEndpoint } from '../../../cloud/emulator/find-emulator.ts';
import { noPython } from '../../../cloud/emulator/find-python.ts';
import { claimPort } from '../../../cloud/emulator/free-port.ts';
import { MINISTACK } from '../../../cloud/emulator/install-ministack.ts';
import { pipFailed } from '../../../cloud/emulator/install-python-package.ts';

describe('without a suitable Python the error says', () => {
  const missing = { version: undefined, hasVenv: false };

  test('that there is none', () => {
    expect(noPython([{ command: 'python3', ...missing }]).message).toMatch(
      /needs Python 3\.10 or newer, and no Python was found[\s\S]*Install Python 3\.10/,
    );
  });

  test('which ones are too old', () => {
    const probes = [
      { command: 'python3', version: '3.9.18', hasVenv: true },
      { command: 'python', version: '2.7.18', hasVenv: false },
    ];
    expect(noPython(probes).message).toMatch(/found only python3 3\.9\.18, python 2\.7\.18/);
  });

  test('that the module venv is missing, and how to get it', () => {
    expect(noPython([{ command: 'python3', version: '3.12.3', hasVenv: false }]).message).toMatch(
      /python3 \(3\.12\.3\) lacks the module "venv"[\s\S]*apt install python3-venv/,
    );
  });
});

describe('when pip fails the error says', () => {
  test('that there is no network', () => {
    const output =
      'WARNING: Retrying after connection broken by NewConnectionError: Failed to establish a new connection: [Errno -3]\n' +
      'ERROR: No matching distribution found for ministack==1.5.33';
    expect(pipFailed(output, MINISTACK).message).toMatch(
      /pip has no network[\s\S]*HTTPS_PROXY or PIP_INDEX_URL/,
    );
  });

  test('what pip said otherwise', () => {
    expect(
      pipFailed('ERROR: Could not install packages due to an OSError: No space left on device', MINISTACK)
        .message,
    ).toMatch(/No space left on device[\s\S]*pip install ministack==/);
  });
});

describe('AWS_ENDPOINT_URL', () => {
  test.each([
    ['http://localhost:4566', 'http://127.0.0.1:4566'],
    ['http://127.0.0.1:4566/', 'http://127.0.0.1:4566'],
  ])('%s is the emulator at %s', (text, endpoint) => {
    expect(toEmulatorEndpoint(text)).toBe(endpoint);
  });

  test.each(['https://s3.amazonaws.com', 'http://169.254.169.254', 'https://localhost:4566', '4566'])(
    '%s is refused: test data must not leave this machine',
    (text) => {
      expect(() => toEmulatorEndpoint(text)).toThrow(/not an emulator on this machine[\s\S]*unset it/);
    },
  );
});

test.each([-1, 65_536, 1.5, NaN])('%d is no port', async (port) => {
  await expect(claimPort(port)).rejects.toThrow(/is not a port[\s\S]*1 to 65535/);
});

describe('the error of an app that crashes', () => {
  test('is its message without source and stack', () => {
    const output = [
      'file:///work/app.ts:3',
      `var bundled=${'x'.repeat(10_000)}`,
      '      ^',
      '',
      'ConfigError: the configuration has 2 problems:',
      '  - sources.orders.freshness: must be a duration',
      '  - name: must match ^[a-z]',
      '    at parseConfig (file:///work/shared/config/define-config.ts:29:9)',
      '    at file:///work/headgate.config.ts:1:1',
      '',
      'Node.js v24.21.0',
    ].join('\n');
    expect(readableError(output)).toBe(
      [
        '    ConfigError: the configuration has 2 problems:',
        '      - sources.orders.freshness: must be a duration',
        '      - name: must match ^[a-z]',
      ].join('\n'),
    );
  });

  test('is all that it wrote when it names no error', () => {
    expect(readableError('Bundling failed\nsee above')).toBe('    Bundling failed\n    see above');
  });
});
