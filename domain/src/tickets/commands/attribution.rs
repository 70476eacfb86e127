//! The attribution of a ticket: its cause and solution.

use super::{apply_command, check_count, load};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::{Code, Result, TicketId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self};
use crate::tickets::model::{AttributeTicket, Attribution, AttributionDetails};
use crate::tickets::store;

/// Checks an attribution against the catalogue.
pub(super) async fn check_attribution(tx: &Tx, given: &AttributionDetails) -> Result<AttributionDetails> {
    let complete = lifecycle::attribution(given)?;
    check_count("attribution.solutionTags", complete.solution_tags.len())?;
    let solution_tags =
        catalogue::check_keys(tx, Kind::SolutionTag, "attribution.solutionTags", &complete.solution_tags).await?;
    if let Some(tag) = &complete.cause_tag {
        catalogue::require(tx, Kind::CauseTag, "attribution.causeTag", tag).await?;
    }
    Ok(AttributionDetails { solution_tags, ..complete })
}

pub(super) async fn save_attribution(tx: &Tx, ticket: TicketId, details: AttributionDetails) -> Result<()> {
    let by = tx
        .actor()
        .user_id()
        .ok_or_else(|| refuse(Code::Forbidden, "attribution", msg!("tickets-attribution-forbidden")))?;
    store::upsert_attributions(tx.conn(), vec![Attribution { ticket, details, by, at: tx.now }]).await
}

impl Command for AttributeTicket {
    const NAME: &'static str = "attributeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::attribute(&ticket, tx.actor(), tx.now, &self.attribution)?;
        let given = check_attribution(tx, &self.attribution).await?;
        save_attribution(tx, ticket.id, given).await?;
        apply_command(tx, &ticket, decision, true).await
    }
}
