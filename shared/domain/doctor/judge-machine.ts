import type { AccountFinding } from './account-checks.ts';
import type { Answer } from './answer.ts';
import type { Identity } from './facts.ts';

const NEEDED_NODE = 24;

/** @param version such as `24.1.0` */
export function judgeRuntime(version: string): AccountFinding {
  const code = 'RUNTIME';
  const found = `Node ${version}`;
  if (Number(version.split('.')[0]) >= NEEDED_NODE) return { code, status: 'ok', found };
  return {
    ...{ code, status: 'error', found },
    next: `run "npm ci", which installs Node ${String(NEEDED_NODE)} for the project, and call it as npx headgate`,
  };
}

/** AWS refuses what was signed more than five minutes before or after its own time. */
const REFUSED_FROM_MS = 300_000;
const TOLERATED_MS = 60_000;

export function judgeClock(identity: Answer<Identity>): AccountFinding {
  const code = 'CLOCK';
  const offsetMs = identity.kind === 'found' ? identity.value.clockOffsetMs : undefined;
  if (offsetMs === undefined)
    return { code, status: 'skipped', found: 'AWS did not say what time it is there' };
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  if (Math.abs(offsetMs) < TOLERATED_MS)
    return { code, status: 'ok', found: `this machine's clock is right to ${String(seconds)} s` };
  return {
    code,
    status: Math.abs(offsetMs) < REFUSED_FROM_MS ? 'warning' : 'error',
    found: `this machine's clock is ${String(seconds)} s ${offsetMs > 0 ? 'behind' : 'ahead of'} that of AWS`,
    next: 'set it (timedatectl set-ntp true, on Linux): AWS refuses what is signed five minutes off',
  };
}

export function judgeRegion(region: Answer<string>): AccountFinding {
  const code = 'REGION';
  if (region.kind === 'found') return { code, status: 'ok', found: region.value };
  return {
    ...{ code, status: 'error', found: 'no region is set' },
    next: 'set AWS_REGION, or AWS_PROFILE to a profile with a region',
  };
}

/** @param isLocal an emulator knows nobody but the root user */
export function judgeCredentials(identity: Answer<Identity>, isLocal = false): AccountFinding {
  const code = 'CREDENTIALS';
  switch (identity.kind) {
    case 'found': {
      const { account, arn } = identity.value;
      const found = `${arn} in account ${account}`;
      if (isLocal || !arn.endsWith(':root')) return { code, status: 'ok', found };
      return {
        ...{ code, status: 'warning', found: `${found}, its root user` },
        next: 'use a role or user for deployments: the root user cannot be limited',
      };
    }
    case 'absent':
      return {
        ...{ code, status: 'error', found: 'there are no credentials' },
        next: 'sign in (aws sso login, aws configure), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      };
    case 'denied':
    case 'unknown':
      return {
        code,
        status: 'error',
        found:
          identity.kind === 'denied' ? 'AWS refuses the credentials' : `nobody answers: ${identity.problem}`,
        next:
          identity.kind === 'denied'
            ? 'sign in again: they have expired, or were withdrawn'
            : 'check the network, a proxy (HTTPS_PROXY), and AWS_ENDPOINT_URL if it is set',
      };
  }
}
