import { startCloud } from './start-cloud.ts';
const t0 = Date.now();
const log = (...m: any[]) => console.log(((Date.now() - t0) / 1000).toFixed(2), ...m);
const cloud = await startCloud({
  mayUseRunning: false,
  app: { entry: 'test/fixtures/cloud-app/app.ts', inputs: ['test/fixtures/cloud-app', 'package-lock.json'] },
  config: 'test/fixtures/cloud-app/app.ts',
  onProgress: log,
  onPollerEvent: (e) => log(JSON.stringify(e)),
});
console.log(JSON.stringify({ env: cloud.env, outputs: cloud.outputs }));
process.once('SIGTERM', () => {
  void cloud.stop().then(() => {
    log('stopped');
  });
});
