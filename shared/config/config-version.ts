import { hash } from 'node:crypto';
import type { HeadgateConfig } from './schema.ts';

/** 12 hex digits that tell one configuration from another. */
export function configVersionOf(config: HeadgateConfig): string {
  return hash('sha256', JSON.stringify(config)).slice(0, 12);
}
