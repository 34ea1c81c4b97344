/** What a promise resolves to, or `otherwise` after `limitMs`; what it does goes on then, and its failure is ignored. */
export async function within<Value>(
  limitMs: number,
  value: Promise<Value>,
  otherwise: () => Value,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Value>((resolve) => {
    timer = setTimeout(() => {
      resolve(otherwise());
    }, limitMs);
  });
  value.catch(() => undefined);
  try {
    return await Promise.race([value, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
