/** Two short generated beeps. Simpler than the app's version, which also makes sure that only one tab plays them. */
export function beep(): void {
  // Browsers allow sound only after user interaction; until then nothing is played.
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
      // Close after the second beep, which is the last.
      if (after) void context.close();
    };
  }
}
