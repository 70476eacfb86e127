/** Whether this browser takes pushes at all: not without TLS, and not every browser. */
export const takesPushes = 'serviceWorker' in navigator && 'PushManager' in window;

/** Subscribes this browser; what is bound as its address, or null where the person does not allow it. */
export async function subscribe(key: string): Promise<string | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null;
  const registration = await navigator.serviceWorker.register('/push.js');
  await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  return JSON.stringify(subscription);
}
