//! Hub (tier 6): one truth for a ticket that several systems speak of.
//!
//! - The truth is a fold over all accepted reports and Buoy's own changes in one total order ([`decide::Merge`]). Each
//!   entry is put at its place and the fold made anew, so every order of arrival and every node come to the same truth,
//!   the same conflicts and, for each system, the same last correction due.
//! - Nothing of the order is given at receipt: an entry's place is its own timestamp, rank and digest.
//! - A ticket's status follows the truth through the decisions of its life-cycle. Where one lacks an attribution or an
//!   assignee, the status stays and the report is pending ([`decide::follow`]); a report gets round nothing.
//!
//! Reports, corrections and their delivery come with the partner API. Events in and out: none yet.

pub mod decide;
pub mod model;
#[cfg(test)]
mod tests;
