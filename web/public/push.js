// The service worker of pushes: shows what the server has sealed for this browser, and opens the ticket on a tap. It keeps
// nothing and answers no request of the page.

self.addEventListener('push', (event) => {
  const message = event.data?.json() ?? {};
  const options = {
    body: message.body,
    icon: '/buoy.svg',
    // Sent again, it takes the place of the first.
    tag: message.id,
    // Levels stay until somebody looks.
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
