//! Catalogue (tier 1): master data that administrators maintain: teams, issue types, products, solution tags, cause tags
//! and skills. An entry has a key, which tickets reference verbatim, and a name in two languages. Entries are archived and
//! never deleted, because old tickets reference them.
//!
//! - Issue types and products name the skills that their tickets require, and the team that gets them.
//! - A text names a product by its key, a name or an alias ([`decide::recognise_product`]).
//!
//! Events out: `CatalogueSaved`, `TeamSaved`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::CatalogueEvent>()],
    observe: Some(react::observe),
    states: Some(|states| states.insert(model::CatalogueCache::default())),
    start: Some(react::start),
    ..Module::new("catalogue")
};
