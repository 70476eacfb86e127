//! Catalogue (tier 1): the words an administrator gives the house — teams, issue types, products, solution tags, cause
//! tags, skills. Each is a key (kept to the letter, in every ticket that names it), a name in two languages, and archived
//! rather than removed: old tickets keep their words.
//!
//! Events out: `CatalogueSaved`, `TeamSaved`.

pub mod commands;
pub mod model;
pub mod queries;
pub(crate) mod store;
