//! Intake (tier 6): what comes in by the gateways of other parties, each checked by its own scheme.
//!
//! - What passes its check becomes a ticket, once: a provider that repeats itself is answered as before.
//! - What fails is kept, sealed, with the reason; its sender hears of it at once, and so do administrators and the owner of
//!   the credential. Once the credential is mended it is checked again, as of the time when it came, and released.
//! - Nothing is accepted and dropped: where no more can be kept, that is what the sender hears.
//!
//! Events out: `SubmissionQuarantined`, `SubmissionReleased`, `QuarantineFull`, and `TicketCreated`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
mod store;
#[cfg(test)]
mod tests;
