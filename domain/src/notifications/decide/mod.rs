//! Routes and texts of messages, and why a ticket was not seen. Pure functions.

pub mod address;
pub mod audience;
pub mod link;
mod route;
mod state;
pub mod templates;
mod verdict;

pub use self::route::{RateLimitDecision, SendWindow, can_reach, is_reachable, quiet_until, routes};
pub use self::state::{best_delivery, state};
pub use self::verdict::{AssigneeActivity, assignee_activity, verdict};
