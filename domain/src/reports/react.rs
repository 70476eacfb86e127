//! When reports are made by themselves.

use std::time::Duration;

use crate::kernel::hours;

/// Every week it is looked where knowledge is missed.
pub const GAPS: &str = "reports.gaps";
/// Every month its report is made.
pub const MONTHLY: &str = "reports.monthly";
/// The lane of work that reads much.
pub const LANE: &str = "reports";
/// Behind the end of a week or month.
pub const AFTER_MIDNIGHT: Duration = hours(1);
