/** The alarm that is on while one of a source's critical alarms is, without the deployment's name. */
export const criticalAlarmId = (source: string): string => `${source}-critical`;

/** The alarm of what is unusual about a source, likewise. */
export const warningAlarmId = (source: string): string => `${source}-warnings`;

/** Names of the alarms that tell somebody of a source. */
export const tellingAlarms = (deployment: string, source: string): readonly string[] =>
  [criticalAlarmId(source), warningAlarmId(source)].map((id) => `${deployment}-${id}`);
