//! Who holds a reference of another system, and whose claim wins.

use crate::runtime::Side;
use crate::tickets::model::{ExternalRef, Fact};

/// Whose word links a reference to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    Person,
    /// The system that owns the reference: by its API key, by a signed submission, or by an import of its data.
    System,
}

impl Claim {
    pub const fn of(side: Side) -> Self {
        match side {
            Side::System => Self::System,
            Side::Staff | Side::Requester => Self::Person,
        }
    }

    /// Whether this claim takes a reference from a ticket that holds it by another one.
    pub const fn wins_over(self, held: Self) -> bool {
        matches!((self, held), (Self::System, Self::Person))
    }
}

/// The claim by which a ticket holds a reference. `events`: of that ticket, oldest first, each with the side that acted.
pub fn claim<'e>(events: impl IntoIterator<Item = (&'e Fact, Side)>, reference: &ExternalRef) -> Claim {
    // A reference that no event explains is kept where it is.
    let mut claim = Claim::System;
    for (fact, side) in events {
        match fact {
            Fact::Created { .. } => claim = Claim::of(side),
            Fact::Imported { .. } => claim = Claim::System,
            Fact::Linked { reference: linked, .. } if linked == reference => claim = Claim::of(side),
            _ => {}
        }
    }
    claim
}
