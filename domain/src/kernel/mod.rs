//! Kernel (tier 0): types that every capability shares: typed ids, instants, the clock, entropy, errors, pages of a list,
//! the actor. It contains no SQL statements, no tables and nothing about tickets.

pub mod actor;
pub mod encoding;
pub mod error;
pub mod id;
pub mod locale;
pub mod message;
pub mod page;
mod rfc3339;
mod string_enum;
pub mod text;
pub mod time;

pub use actor::{Actor, ApiScope, KeyAccess, Person, Role};
pub(crate) use domain_macros::boxed;
pub use error::{Code, Error, Refusal, Result, TopCode, refuse};
pub use id::*;
pub use locale::Locale;
pub use message::{Arg, Message};
pub use page::{Connection, Direction, Edge, EdgeCursor, Page};
pub use string_enum::UnknownValue;
pub(crate) use string_enum::string_enum;
pub use time::{Clock, ManualClock, Micros, SystemClock, Timestamp, days, hours, minutes, seconds};
