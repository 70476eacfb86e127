//! Wake-ups inside this process. Commits of other nodes are noticed by polling.

use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::ports::{WakeupTopic, Wakeups};

#[derive(Default)]
pub struct InProcessWakeups {
    jobs: Notify,
    log: Notify,
}

impl Wakeups for InProcessWakeups {
    fn wake(&self, topic: WakeupTopic) {
        match topic {
            WakeupTopic::Jobs => self.jobs.notify_waiters(),
            // There is one reader; the permit reaches it if it does not wait now.
            WakeupTopic::Log => self.log.notify_one(),
        }
    }

    fn woken(&self, topic: WakeupTopic) -> BoxFuture<'_, ()> {
        // A `Notified` subscribes when it is created, before it is first polled.
        match topic {
            WakeupTopic::Jobs => Box::pin(self.jobs.notified()),
            WakeupTopic::Log => Box::pin(self.log.notified()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_wake_up_between_subscribing_and_waiting_is_not_missed() {
        let wakeups = InProcessWakeups::default();
        for topic in [WakeupTopic::Jobs, WakeupTopic::Log] {
            let woken = wakeups.woken(topic);
            wakeups.wake(topic);
            assert_eq!(woken.now_or_never(), Some(()), "{topic:?}");
            assert_eq!(wakeups.woken(topic).now_or_never(), None, "{topic:?}");
        }
    }
}
