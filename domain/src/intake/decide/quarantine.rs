//! Whether the quarantine has room for one more submission.

use crate::intake::model::{
    QUARANTINE_BYTES_MAX, QUARANTINE_BYTES_PER_SOURCE_MAX, QUARANTINE_MAX, QUARANTINE_PER_SOURCE_MAX,
    QUARANTINE_TOTAL_BYTES_MAX, Reason, UNCONFIGURED_BYTES_MAX, UNCONFIGURED_BYTES_PER_SOURCE_MAX, UNCONFIGURED_MAX,
    UNCONFIGURED_PER_SOURCE_MAX,
};

/// Submissions in quarantine, and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarantineUsage {
    pub submissions: u64,
    pub bytes: u64,
}

impl QuarantineUsage {
    fn fits(self, bytes: u64, submissions_max: u64, bytes_max: u64) -> bool {
        self.submissions < submissions_max && self.bytes.saturating_add(bytes) <= bytes_max
    }
}

/// What is stored when a submission arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarantineLoad {
    /// Of its source at its gateway, with what was dismissed and is not deleted yet: dismissing gives a flood no room.
    pub source: QuarantineUsage,
    /// Of its gateway, without what was dismissed: a flood that was dismissed keeps no other source out.
    pub gateway: QuarantineUsage,
    /// Of all gateways, with what was dismissed.
    pub total_bytes: u64,
}

/// Whether a submission of so many bytes is stored. A gateway without a credential is not in use, so it stores only enough to
/// show that something arrives.
pub fn has_room(reason: Reason, load: &QuarantineLoad, bytes: u64) -> bool {
    let (of_source, of_gateway) = match reason {
        Reason::NoCredential => (
            (UNCONFIGURED_PER_SOURCE_MAX, UNCONFIGURED_BYTES_PER_SOURCE_MAX),
            (UNCONFIGURED_MAX, UNCONFIGURED_BYTES_MAX),
        ),
        _ => ((QUARANTINE_PER_SOURCE_MAX, QUARANTINE_BYTES_PER_SOURCE_MAX), (QUARANTINE_MAX, QUARANTINE_BYTES_MAX)),
    };
    load.source.fits(bytes, of_source.0, of_source.1)
        && load.gateway.fits(bytes, of_gateway.0, of_gateway.1)
        && load.total_bytes.saturating_add(bytes) <= QUARANTINE_TOTAL_BYTES_MAX
}
