import cliProgress from 'cli-progress';
import pc from 'picocolors';

/** Shows what a long command is doing, one phase after another. */
export interface Progress {
  start(title: string): Phase;
}

export interface Phase {
  /** @param fraction from 0 to 1, where the end is known */
  update(detail: string, fraction?: number): void;
  done(detail?: string): void;
  /** The phase ends without success; the error itself is reported by the command. */
  fail(): void;
}

const PLAIN_UPDATE_MS = 5000;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPINNER_MS = 100;
const BAR_WIDTH = 24;

/** On a terminal a line that moves, elsewhere plain lines now and then. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  return { start: stream.isTTY ? (title) => startLive(stream, title) : (title) => startPlain(stream, title) };
}

function startPlain(stream: NodeJS.WriteStream, title: string): Phase {
  const startMs = performance.now();
  let shownMs = startMs;
  stream.write(`${title} …\n`);
  return {
    update: (detail) => {
      if (performance.now() - shownMs < PLAIN_UPDATE_MS) return;
      shownMs = performance.now();
      stream.write(`  ${detail}\n`);
    },
    done: (detail) => {
      stream.write(`${pc.green('✓')} ${title}${describe(detail, startMs)}\n`);
    },
    fail: () => {
      stream.write(`${pc.red('✗')} ${title}${describe(undefined, startMs)}\n`);
    },
  };
}

function startLive(stream: NodeJS.WriteStream, title: string): Phase {
  const startMs = performance.now();
  let frame = 0;
  let state: { detail: string; fraction: number | undefined } = { detail: '', fraction: undefined };
  const bar = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    format: () => {
      const { detail, fraction } = state;
      const full = Math.round((fraction ?? 0) * BAR_WIDTH);
      const drawn =
        fraction === undefined ? '' : ` ${pc.cyan('█'.repeat(full))}${pc.dim('░'.repeat(BAR_WIDTH - full))}`;
      return `${pc.cyan(SPINNER[frame % SPINNER.length] ?? '')} ${title}${drawn} ${pc.dim(detail)}`;
    },
  });
  bar.start(1, 0);
  const timer = setInterval(() => {
    frame += 1;
    bar.update(Math.min(0.999, state.fraction ?? 0));
  }, SPINNER_MS);
  timer.unref();

  function end(mark: string, detail: string | undefined): void {
    clearInterval(timer);
    bar.stop();
    stream.write(`${mark} ${title}${describe(detail, startMs)}\n`);
  }

  return {
    update: (detail, fraction) => {
      state = { detail, fraction };
    },
    done: (detail) => {
      end(pc.green('✓'), detail);
    },
    fail: () => {
      end(pc.red('✗'), undefined);
    },
  };
}

function describe(detail: string | undefined, startMs: number): string {
  const seconds = `(${((performance.now() - startMs) / 1000).toFixed(1)} s)`;
  return detail === undefined ? ` ${pc.dim(seconds)}` : `: ${detail} ${pc.dim(seconds)}`;
}
