//! What hours mean, and which are hours at all.

mod check;
pub mod hours;

pub use self::check::check;
