import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { rangeLogProperty } from './range-log.suite.ts';

rangeLogProperty(() => new MemoryLedgerStore(), 1000);
