//! Validation of hours, and computation with them.

mod check;
pub mod hours;

pub use self::check::check;
