/** Two short beeps, made here: nothing to load. Shorter than the app's, which also sees to it that one tab of many sounds. */
export function beep(): void {
  // Browsers let a page be heard only after somebody has touched it; until then it stays silent.
  if (!('userActivation' in navigator) || !navigator.userActivation.hasBeenActive) return;
  const context = new AudioContext();
  const volume = context.createGain();
  volume.gain.value = 0.2;
  volume.connect(context.destination);
  for (const after of [0, 0.25]) {
    const tone = context.createOscillator();
    tone.frequency.value = 880;
    tone.connect(volume);
    tone.start(context.currentTime + after);
    tone.stop(context.currentTime + after + 0.15);
    tone.onended = () => {
      // The second one is the last.
      if (after) void context.close();
    };
  }
}
