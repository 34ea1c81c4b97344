import { declareConfig } from './declare-config.ts';

/** What the soak begins with. */
export default declareConfig(1);
