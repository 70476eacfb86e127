/** Two short generated beeps, so that no file has to be loaded. */

let context: AudioContext | null = null;

const BEEP_OFFSETS_S = [0, 0.25];
const BEEP_LENGTH_S = 0.15;
const BEEP_HZ = 880;

/** Browsers allow sound only after user interaction; until then nothing is played. */
function canPlaySound(): boolean {
  return !('userActivation' in navigator) || navigator.userActivation.hasBeenActive;
}

async function play(): Promise<void> {
  if (typeof AudioContext === 'undefined' || !canPlaySound()) return;
  context ??= new AudioContext();
  if (context.state !== 'running') await context.resume();
  for (const offset of BEEP_OFFSETS_S) {
    const at = context.currentTime + offset;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = BEEP_HZ;
    // A short fade in and out avoids clicks.
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.01);
    volume.gain.setValueAtTime(0.25, at + BEEP_LENGTH_S - 0.03);
    volume.gain.linearRampToValueAtTime(0, at + BEEP_LENGTH_S);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + BEEP_LENGTH_S);
  }
}

/** Only one tab plays the sound. */
export async function beep(): Promise<void> {
  const playIfLocked = async (lock: Lock | null) => {
    if (!lock) return;
    await play().catch(() => undefined);
    await new Promise((done) => setTimeout(done, 1_500));
  };
  if ('locks' in navigator) await navigator.locks.request('buoy.beep', { ifAvailable: true }, playIfLocked);
  else await play().catch(() => undefined);
}

/** Whether a minute of the day is in the quiet hours, which may span midnight. */
export function isQuiet(from: number | null, to: number | null, minute: number): boolean {
  if (from === null || to === null) return false;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** The current minute of the day in a time zone. */
export function minuteOfDay(now: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).formatToParts(now);
  const part = (type: string) => Number(parts.find((candidate) => candidate.type === type)?.value ?? 0);
  return part('hour') * 60 + part('minute');
}
