//! Intake (tier 6): what comes in by the gateways of other parties, each checked by its own scheme.
//!
//! - What passes its check becomes a ticket, once: a provider that repeats itself is answered as before.
//! - What fails is kept, sealed, with the reason; its sender hears of it at once, and so do administrators and the owner of
//!   the credential. Once the credential is mended it is checked again, as of the time when it came, and released.
//! - Nothing is accepted and dropped: where no more can be kept, that is what the sender hears.
//!
//! - A gateway whose sender we can be ourselves gets a synthetic ticket again and again, in a table of its own: it takes no number,
//!   and nothing that counts, finds or tells can come upon it. Of the others an unusual silence is noticed.
//!
//! Events out: `SubmissionQuarantined`, `SubmissionReleased`, `SubmissionDismissed`, `QuarantineFull`, `CanaryLost`,
//! `GatewaySilent`, and `TicketCreated`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;
