//! Settings: each capability declares its section of the configuration, and `wiring.rs` lists them. `api/server` reads,
//! validates and stores them without naming one.

use std::any::Any;

use serde::de::DeserializeOwned;

use super::app::States;

/// A section of the configuration. The default file contains all its keys; `#[serde(deny_unknown_fields)]` refuses others.
pub trait ConfigSection: Any + Clone + Send + Sync + DeserializeOwned {
    const NAME: &'static str;

    /// Checks what the types of the fields do not. The error names the key and what would be right.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// Stores it for `App::state`.
    fn insert_into(&self, states: &mut States) {
        states.insert(self.clone());
    }
}

/// Does something with each section, by its type: reading is generic over the format of the configuration, which the domain
/// does not know, so no function in [`Module`](super::Module) can do it.
pub trait SectionVisitor {
    type Error;

    fn visit<S: ConfigSection>(&mut self) -> Result<(), Self::Error>;
}
