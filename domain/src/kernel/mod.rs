//! Kernel (tier 0): the words every capability shares — typed ids, instants, the clock, chance, errors,
//! pages of a list, who acts. No SQL statements, no tables, nothing about tickets.

pub mod actor;
pub mod error;
pub mod id;
pub mod page;
pub mod text;
pub mod time;
mod words;

pub use actor::{Actor, ApiScope, KeyAccess, Person, Role};
pub use error::{Code, Error, Message, Refusal, Result, TopCode, refuse};
pub use id::*;
pub use page::{Connection, Direction, Edge, EdgeCursor, Page};
pub use time::{Clock, ManualClock, SystemClock, Timestamp, days, hours, minutes, seconds};
pub(crate) use words::words;
