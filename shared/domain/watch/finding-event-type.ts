/** How rules of EventBridge pick events of findings. */
export const FINDING_EVENT = { source: 'headgate', detailType: 'Headgate Source Finding' } as const;
