// Service worker for push messages: shows the message that the server encrypted for this browser, and opens the ticket
// on click. It caches nothing and handles no requests of the page.

self.addEventListener('push', (event) => {
  const message = event.data?.json() ?? {};
  const options = {
    body: message.body,
    icon: '/buoy.svg',
    // A message that is sent again replaces the first one.
    tag: message.id,
    // Escalations stay visible until the user acts on them.
    requireInteraction: String(message.cause).startsWith('ESCALATION'),
    data: { path: message.number ? `/tickets/${message.number}` : '/' },
  };
  event.waitUntil(self.registration.showNotification(message.title ?? 'Buoy', options));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { path } = event.notification.data;
  event.waitUntil(
    self.clients.matchAll({ type: 'window' }).then(async (windows) => {
      const open = windows.find((window) => new URL(window.url).pathname === path) ?? windows[0];
      if (!open) return self.clients.openWindow(path);
      await open.focus();
      return new URL(open.url).pathname === path ? undefined : open.navigate(path);
    }),
  );
});
