//! Pure decisions about tickets: from state, actor and time to the next state with its events, or to a refusal.

pub mod board;
pub mod hand_over;
pub mod lifecycle;
pub mod link;
pub mod references;
pub mod rights;
pub mod sync_status;
pub mod token;
