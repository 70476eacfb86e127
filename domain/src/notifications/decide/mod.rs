//! Which way a message takes, what it says, and why nobody has seen a ticket: pure.

pub mod link;
mod route;
mod state;
mod verdict;
pub mod words;

pub use self::route::{Bucket, Taken, is_reached, quiet_until, reaches, route};
pub use self::state::{best, state};
pub use self::verdict::{Seen, seen, verdict};
