//! Bounds of open WebSockets by the address that they come from. A socket without sign-in costs its owner nothing, so there
//! are fewer of them; one that has not been initialised yet ends soon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::WebSocket;

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    guests: usize,
}

#[derive(Debug, Default)]
pub struct OpenSockets(Mutex<HashMap<String, Counts>>);

/// The place of one open socket; dropping it frees the place.
#[derive(Debug)]
pub struct SocketPlace {
    sockets: Arc<OpenSockets>,
    address: String,
    is_guest: bool,
}

impl OpenSockets {
    fn counts(&self) -> MutexGuard<'_, HashMap<String, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new socket, unless the address has too many open.
    pub fn admit(self: &Arc<Self>, address: &str, limits: &WebSocket) -> Option<SocketPlace> {
        let mut counts = self.counts();
        let of_address = counts.entry(address.to_owned()).or_default();
        if of_address.all >= limits.per_address_max {
            return None;
        }
        of_address.all += 1;
        Some(SocketPlace { sockets: self.clone(), address: address.to_owned(), is_guest: false })
    }
}

impl SocketPlace {
    /// Its client does not sign in; `false`: the address has too many such sockets.
    pub fn stay_guest(&mut self, limits: &WebSocket) -> bool {
        let mut counts = self.sockets.counts();
        let Some(of_address) = counts.get_mut(&self.address) else { return false };
        if of_address.guests >= limits.guests_per_address_max {
            return false;
        }
        of_address.guests += 1;
        self.is_guest = true;
        true
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut counts = self.sockets.counts();
        let Some(of_address) = counts.get_mut(&self.address) else { return };
        of_address.all -= 1;
        of_address.guests -= usize::from(self.is_guest);
        if of_address.all == 0 {
            counts.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_address_has_a_bounded_number_of_sockets() {
        let mut limits = Config::load(None).unwrap().websocket;
        (limits.per_address_max, limits.guests_per_address_max) = (3, 2);
        let sockets = Arc::new(OpenSockets::default());
        let mut first = sockets.admit("a", &limits).unwrap();
        let mut second = sockets.admit("a", &limits).unwrap();
        let mut third = sockets.admit("a", &limits).unwrap();
        assert!(sockets.admit("a", &limits).is_none(), "three sockets");
        assert!(sockets.admit("b", &limits).is_some(), "another address");
        assert!(first.stay_guest(&limits) && second.stay_guest(&limits));
        assert!(!third.stay_guest(&limits), "two guests");
        drop(first);
        assert!(third.stay_guest(&limits));
        let fourth = sockets.admit("a", &limits).unwrap();
        drop((second, third, fourth));
        assert!(sockets.counts().is_empty());
    }
}
