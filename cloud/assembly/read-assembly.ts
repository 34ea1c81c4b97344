import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const artifact = z.object({
  type: z.string(),
  dependencies: z.array(z.string()).default([]),
  properties: z
    .looseObject({ stackName: z.string().optional(), templateFile: z.string().optional() })
    .optional(),
});
const manifestSchema = z.object({ artifacts: z.record(z.string(), artifact) });

const assetsSchema = z.object({
  files: z
    .record(
      z.string(),
      z.object({
        source: z.object({ path: z.string(), packaging: z.enum(['zip', 'file']) }),
        destinations: z.record(z.string(), z.object({ bucketName: z.string(), objectKey: z.string() })),
      }),
    )
    .default({}),
});

const templateSchema = z.looseObject({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});

/** A resource as its template declares it. */
type TemplateResource = z.output<typeof templateSchema>['Resources'][string];

/** A file or folder that must be in the asset bucket before the stack is deployed. */
export interface Asset {
  /** Absolute path. */
  readonly path: string;
  /** A `zip` is a folder that is uploaded as one archive. */
  readonly packaging: 'zip' | 'file';
  /** Where the template expects it; may hold `${AWS::AccountId}` and `${AWS::Region}`. */
  readonly bucket: string;
  readonly key: string;
}

/** A stack of a cloud assembly. */
export interface AssemblyStack {
  readonly name: string;
  readonly template: string;
  readonly resources: Readonly<Record<string, TemplateResource>>;
  readonly assets: readonly Asset[];
}

/** Reads the stacks of a cloud assembly, each after the ones it depends on. */
export async function readAssembly(assemblyDir: string): Promise<AssemblyStack[]> {
  const { artifacts } = manifestSchema.parse(await readJson(join(assemblyDir, 'manifest.json')));
  const done = new Set<string>();
  const stacks: AssemblyStack[] = [];
  const visit = async (id: string): Promise<void> => {
    const entry = artifacts[id];
    if (entry === undefined || done.has(id)) return;
    done.add(id);
    for (const dependency of entry.dependencies) await visit(dependency);
    const templateFile = entry.properties?.templateFile;
    if (entry.type !== 'aws:cloudformation:stack' || templateFile === undefined) return;
    const template = await readFile(join(assemblyDir, templateFile), 'utf8');
    stacks.push({
      name: entry.properties?.stackName ?? id,
      template,
      resources: templateSchema.parse(JSON.parse(template)).Resources,
      assets: await readAssets(assemblyDir, `${id}.assets.json`, templateFile),
    });
  };
  for (const id of Object.keys(artifacts)) await visit(id);
  return stacks;
}

async function readAssets(assemblyDir: string, file: string, templateFile: string): Promise<Asset[]> {
  const { files } = assetsSchema.parse(await readJson(join(assemblyDir, file)));
  return Object.values(files)
    .filter(({ source }) => source.path !== templateFile)
    .flatMap(({ source, destinations }) =>
      Object.values(destinations).map(({ bucketName, objectKey }) => ({
        path: join(assemblyDir, source.path),
        packaging: source.packaging,
        bucket: bucketName,
        key: objectKey,
      })),
    );
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
