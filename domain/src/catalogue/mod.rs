//! Catalogue (tier 1): master data that administrators maintain: teams, issue types, products, solution tags, cause tags
//! and skills. An entry has a key, which tickets reference verbatim, and a name in two languages. Entries are archived and
//! never deleted, because old tickets reference them.
//!
//! Events out: `CatalogueSaved`, `TeamSaved`.

pub mod commands;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::CatalogueEvent>()],
    observe: Some(react::observe),
    states: Some(|states| states.insert(model::CatalogueCache::default())),
    start: Some(react::start),
    ..Module::new("catalogue")
};
