import { declareConfig } from './declare-config.ts';

/** What is deployed while data flows. */
export default declareConfig(2);
