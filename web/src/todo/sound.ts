/** Two short beeps, made here: no file, nothing to load. */

let context: AudioContext | null = null;

const BEEPS = [0, 0.25];
const LENGTH = 0.15;
const HERTZ = 880;

/** Browsers let a page be heard only after somebody has touched it; until then it stays silent and says nothing. */
function mayBeHeard(): boolean {
  return !('userActivation' in navigator) || navigator.userActivation.hasBeenActive;
}

async function play(): Promise<void> {
  if (typeof AudioContext === 'undefined' || !mayBeHeard()) return;
  context ??= new AudioContext();
  if (context.state !== 'running') await context.resume();
  for (const after of BEEPS) {
    const at = context.currentTime + after;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = HERTZ;
    // Up and down within a moment, so that it does not click.
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.01);
    volume.gain.setValueAtTime(0.25, at + LENGTH - 0.03);
    volume.gain.linearRampToValueAtTime(0, at + LENGTH);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + LENGTH);
  }
}

/** Of all tabs that hear the same, one sounds. */
export async function beep(): Promise<void> {
  const once = async (lock: Lock | null) => {
    if (!lock) return;
    await play().catch(() => undefined);
    await new Promise((done) => setTimeout(done, 1_500));
  };
  if ('locks' in navigator) await navigator.locks.request('buoy.beep', { ifAvailable: true }, once);
  else await play().catch(() => undefined);
}

/** Whether a minute of the day is one in which only levels 2 and 3 make a noise; they may span midnight. */
export function isQuiet(from: number | null, to: number | null, minute: number): boolean {
  if (from === null || to === null) return false;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** The minute of the day on the clocks of a time zone. */
export function minuteOf(now: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).formatToParts(now);
  const part = (type: string) => Number(parts.find((of) => of.type === type)?.value ?? 0);
  return part('hour') * 60 + part('minute');
}
