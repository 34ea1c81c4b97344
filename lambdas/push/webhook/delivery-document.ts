import { HttpProblem } from '../../middleware/problems.ts';
import { headerOf, type Headers } from './headers.ts';

const JSON_TYPE = /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Field of a form in which GitHub and Slack send JSON. */
const FORM_FIELD = 'payload';

function unsupported(detail: string): HttpProblem {
  return new HttpProblem('unsupported-media-type', detail, { headers: { accept: 'application/json' } });
}

/** The bytes that percent-encoding stands for; nothing is taken to be UTF-8. */
function decodePercent(text: string): Buffer {
  const latin1 = text
    .replaceAll('+', ' ')
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin1, 'latin1');
}

function fieldOf(form: Buffer, name: string): Buffer | undefined {
  const field = form
    .toString('latin1')
    .split('&')
    .find((pair) => pair.startsWith(`${name}=`));
  return field === undefined ? undefined : decodePercent(field.slice(name.length + 1));
}

/**
 * The JSON document of a delivery: its body, or the `payload` of a form, as original bytes.
 *
 * @throws HttpProblem `unsupported-media-type`
 */
export function deliveryDocument(headers: Headers, body: Buffer): Buffer {
  const [type = '', ...parameters] = (headerOf(headers, 'content-type') ?? '').toLowerCase().split(';');
  const charset = parameters.map((item) => item.trim()).find((item) => item.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw unsupported('the charset of a delivery must be UTF-8');
  }
  const name = type.trim();
  if (JSON_TYPE.test(name)) return body;
  if (name !== FORM_TYPE) {
    throw unsupported(
      'the Content-Type of a delivery must be application/json; choose JSON in the settings of the sender',
    );
  }
  const payload = fieldOf(body, FORM_FIELD);
  if (payload !== undefined) return payload;
  throw unsupported(
    `a delivery as a form must have its JSON in the field ${FORM_FIELD}; choose application/json in the settings of the sender`,
  );
}
