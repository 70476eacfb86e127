//! Decisions about tickets, pure: state, actor and now in; the next state and what happened out, or a refusal.

pub mod board;
pub mod follow;
pub mod lifecycle;
pub mod rights;
pub mod token;
