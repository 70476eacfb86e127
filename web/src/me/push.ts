/** Whether this browser supports web push; it needs TLS. */
export const supportsPush = 'serviceWorker' in navigator && 'PushManager' in window;

/** Subscribes this browser. Returns the subscription to bind as address, or null where the user does not allow it. */
export async function subscribeToPush(key: string): Promise<string | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null;
  const registration = await navigator.serviceWorker.register('/push.js');
  await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  return JSON.stringify(subscription);
}
