//! What gateways are watched by.

/// The lane in which canaries go out.
pub const LANE: &str = "intake";
/// A synthetic ticket by a gateway.
pub const CANARY: &str = "intake.canary";
/// Somebody without an account is told that their request was released; in the lane of their channel.
pub const TELL: &str = "intake.tell";
/// Whether a synthetic ticket still stands.
pub const CHECK: &str = "intake.check";
/// Canaries and silence.
pub const WATCH: &str = "intake.watch";
