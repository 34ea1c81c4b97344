/*
 * Who may know whom: domain ← ports ← pipeline ← lambdas, cli. Adapters implement ports. infra knows the configuration
 * and the domain only.
 */

/** Forbids imports of anything in the project but the given folders. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    path: '^(infra|lambdas|shared|cli|clients|cloud|demo|bench|test)/',
    pathNot: allowed,
  },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'not-to-dev-dependency',
      comment: 'What runs on AWS needs its packages in dependencies.',
      severity: 'error',
      from: { path: '^(lambdas|shared|cli)/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^headgate:bundle$' },
    },
    only('domain-is-pure', '^shared/domain/', '^shared/(domain|config)/', 'The domain has no I/O.'),
    only('config-knows-the-domain', '^shared/config/', '^shared/(config|domain)/', 'Configuration is data.'),
    only(
      'ports-know-the-domain',
      '^shared/ports/',
      '^shared/(ports|domain|config)/',
      'Ports are interfaces.',
    ),
    only(
      'pipeline-over-ports',
      '^shared/pipeline/',
      '^shared/(pipeline|ports|domain|config)/',
      'The engine knows no adapter.',
    ),
    only(
      'adapters-implement-ports',
      '^shared/adapters/',
      '^shared/(adapters|ports|domain|config)/',
      'Adapters know ports, not lanes.',
    ),
    only(
      'infra-knows-config',
      '^infra/',
      '^(infra|shared/(config|domain))/',
      'Infrastructure has no business logic.',
    ),
    only('lambdas-know-shared', '^lambdas/', '^(lambdas|shared)/', 'Functions never see infra.'),
    {
      name: 'lanes-are-strangers',
      comment: 'What two lanes share stands in lambdas/middleware or shared/.',
      severity: 'error',
      from: { path: '^lambdas/([^/]+)/', pathNot: '^lambdas/(middleware|composition)/' },
      to: { path: '^lambdas/([^/]+)/', pathNot: ['^lambdas/$1/', '^lambdas/(middleware|composition)/'] },
    },
    {
      name: 'aws-sdk-in-adapters',
      comment: 'Clients are made in adapters/aws and in composition roots.',
      severity: 'error',
      from: {
        path: '^(shared|lambdas|cli)/',
        pathNot: '^(shared/adapters/aws/|lambdas/[^/]+/handler\\.ts$)',
      },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    only(
      'product-knows-no-tools',
      '^(shared|lambdas|cli)/',
      '^(shared|lambdas|cli)/',
      'The product needs no embedded cloud.',
    ),
    only('clients-stand-alone', '^clients/', '^clients/', 'A client is a package of its own.'),
    {
      name: 'clients-run-anywhere',
      comment: 'Browsers have neither packages nor modules of Node.',
      severity: 'error',
      from: { path: '^clients/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(cdk\\.out|\\.headgate)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
