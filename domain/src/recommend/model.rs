//! What a similar case is.

use crate::kernel::TicketId;
use crate::tickets::decide::rights;
use crate::tickets::model::{Ticket, View};
use crate::tickets::queries::{Indexed, extra_text};

/// Cases that one question may get.
pub const CASES_MAX: usize = 50;
/// The score below which two texts have too little in common to be shown. In [0, 1], see `search::Hit`.
pub const FLOOR: f32 = 0.12;
/// What a field in common adds, in parts of the information of a typical word.
pub const PRODUCT_WEIGHT: f32 = 0.5;
pub const ISSUE_TYPE_WEIGHT: f32 = 0.25;

/// Solved, readable beside others within its scope.
pub const SOLVED: &str = "solved";
/// Solved, and readable by all staff.
pub const CASE: &str = "case";

/// A text that somebody has a problem with.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub title: String,
    pub description: String,
    pub product: Option<String>,
    pub issue_type: Option<String>,
    /// The ticket that asks: never a case of itself.
    pub asker: Option<TicketId>,
}

impl Question {
    pub fn of(ticket: &Ticket) -> Self {
        Self {
            title: ticket.title.clone(),
            description: ticket.description.clone(),
            product: ticket.product.clone(),
            issue_type: ticket.issue_type.clone(),
            asker: Some(ticket.id),
        }
    }
}

#[derive(Clone, Debug)]
pub struct SimilarCase {
    pub view: View,
    pub score: f32,
    pub reasons: Vec<search::Reason>,
}

/// What the index keeps of a ticket.
pub fn document(indexed: &Indexed) -> search::Document {
    let Indexed { ticket, participants, refs, attribution } = indexed;
    let mut tags = rights::terms_of(&ticket.snapshot(), participants);
    tags.extend(ticket.product.as_ref().map(|product| format!("product={product}")));
    tags.extend(ticket.issue_type.as_ref().map(|issue_type| format!("issueType={issue_type}")));
    if ticket.status.is_solved() {
        tags.push(SOLVED.to_owned());
    }
    if rights::is_case(ticket) {
        tags.push(CASE.to_owned());
    }
    search::Document {
        id: ticket.id.0,
        title: ticket.title.clone(),
        body: ticket.description.clone(),
        extra: extra_text(ticket, refs, attribution.as_ref()),
        tags,
    }
}
