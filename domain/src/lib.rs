//! The domain of Buoy, one folder per capability. See ARCHITECTURE.md for the tiers and the rules.

pub mod audit;
pub mod auth;
pub mod backup;
pub mod calendar;
pub mod catalogue;
pub mod credentials;
pub mod dispatch;
pub mod escalation;
pub mod hub;
pub mod import;
pub mod intake;
pub mod kernel;
pub mod knowledge;
pub mod metrics;
pub mod notifications;
pub mod people;
pub mod recommend;
pub mod reports;
pub mod runtime;
pub mod satisfaction;
pub mod sla;
pub mod tickets;
pub mod webhooks;
pub mod wiring;
